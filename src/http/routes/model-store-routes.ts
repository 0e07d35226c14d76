import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import type { HttpParts } from '../http-parts.ts';
import type { DepotEntry, DepotTask } from '../model-depot.ts';
import { requireKey } from '../require-key.ts';
import { errorBody, storedModelBody, storedModelListBody, storedModelRemovedBody } from '../wire-schemas.ts';
import { entryOf } from './admin/entry-of.ts';

/** `/api/models`: the model files of this machine, for keys with the scope `admin`. */
export function modelStoreRoutes(app: FastifyInstance, { auth, modelDepot, accounts }: HttpParts): void {
  const onRequest = requireKey(auth, 'admin');
  const tags = ['model store'];
  const params = z.object({ id: z.string().describe('As `GET /api/models` lists it; `local/` in front is left off.') });
  const idOf = (id: string) => id.replace(/^local\//, '');
  const found = (entry: DepotEntry | null, id: string): DepotEntry => {
    if (entry) return entry;
    throw new GatewayError('model_not_found', `There is no model '${id.slice(0, 256)}'.`, { param: 'id' });
  };

  /** Before the act, which lies outside of the database: what is refused after it is in the log, too. */
  const note = async (request: FastifyRequest, action: string, id: string) => {
    await accounts?.audit.write(entryOf(request, { action, accountId: null, target: id, details: {} }));
  };

  app.get(
    '/api/models',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'listStoredModels',
        summary: 'Every model that is installed here or can be; wants a key with the scope admin',
        response: { 200: storedModelListBody, '4xx': errorBody },
      },
    },
    async () => ({ object: 'list', data: (await modelDepot.list()).map(toWire) }),
  );
  app.get<{ Params: { id: string } }>(
    '/api/models/:id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'retrieveStoredModel',
        summary: 'One model, and how far its pull is; wants a key with the scope admin',
        params,
        response: { 200: storedModelBody, '4xx': errorBody },
      },
    },
    async (request) => {
      const id = idOf(request.params.id);
      return toWire(found(await modelDepot.find(id), id));
    },
  );
  app.post<{ Params: { id: string } }>(
    '/api/models/:id/pull',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'pullModel',
        summary: 'Fetch a model: 202 while it is on its way (ask for it again), 200 when it is there; scope admin',
        params,
        response: { 200: storedModelBody, 202: storedModelBody, '4xx': errorBody, '5xx': errorBody },
      },
    },
    async (request, reply) => {
      const id = idOf(request.params.id);
      found(await modelDepot.find(id), id);
      await note(request, 'model.pull', id);
      const entry = found(await modelDepot.pull(id), id);
      return reply.code(entry.state === 'not-installed' ? 202 : 200).send(toWire(entry));
    },
  );
  app.delete<{ Params: { id: string } }>(
    '/api/models/:id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'deleteStoredModel',
        summary: 'Delete the files of a model; 409 for what the server needs; wants a key with the scope admin',
        params,
        response: { 200: storedModelRemovedBody, '4xx': errorBody },
      },
    },
    async (request) => {
      const id = idOf(request.params.id);
      found(await modelDepot.find(id), id);
      await note(request, 'model.remove', id);
      const outcome = await modelDepot.remove(id);
      if (!outcome?.removed) {
        const known = outcome ? 'is not installed' : 'does not exist';
        throw new GatewayError('model_not_found', `The model '${id.slice(0, 256)}' ${known}.`, { param: 'id' });
      }
      return { id, object: 'stored_model', deleted: true, restart_needed: outcome.restartNeeded };
    },
  );
}

function toWire(entry: DepotEntry): z.infer<typeof storedModelBody> {
  return {
    id: entry.id,
    object: 'stored_model',
    kind: entry.kind,
    loader: entry.loader,
    state: entry.state,
    size_bytes: entry.sizeBytes,
    languages: [...entry.languages],
    models: [...entry.models],
    licence: entry.licence,
    homepage: entry.homepage,
    files: entry.files.map(({ name, sizeBytes, sha256, from }) => ({ name, size_bytes: sizeBytes, sha256, from })),
    sources: [...entry.sources],
    task: entry.task === null ? null : toWireTask(entry.task),
  };
}

function toWireTask(task: DepotTask): NonNullable<z.infer<typeof storedModelBody>['task']> {
  const seconds = (timeMs: number) => Math.floor(timeMs / 1000);
  return {
    status: task.state,
    phase: task.phase,
    from: task.from,
    done_bytes: task.doneBytes,
    total_bytes: task.totalBytes,
    started_at: seconds(task.startedAtMs),
    ended_at: task.endedAtMs === null ? null : seconds(task.endedAtMs),
    error: task.error,
    restart_needed: task.restartNeeded,
  };
}
