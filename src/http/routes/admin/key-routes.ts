import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { accountExists, accountPlaces, noSuch, requireAdmin } from './account-place.ts';
import { entryOf } from './entry-of.ts';
import { opaqueId } from './wire/fields.ts';
import { keyBody, keyChange, keyToWire, newKey, newKeyBody, newPolicy, policyChange } from './wire/key-wire.ts';
import { listBody, listOf, pageAsk, pageQuery } from './wire/lists.ts';

const tag = 'keys';

/** `/api/accounts/{id}/keys` and `/api/me/keys`. */
export function keyRoutes(fastify: FastifyInstance, auth: Authenticator, parts: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const { accounts, keys } = parts;
  const onRequest = requireAdmin(auth);
  const tags = [tag];
  const failures = { '4xx': errorBody, '5xx': errorBody };
  const accountParams = z.object({ id: opaqueId });
  const keyParams = z.object({ id: opaqueId, key_id: opaqueId });

  app.post(
    '/api/accounts/:id/keys',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'createKey',
        summary: 'A new key, in clear in this reply alone',
        params: accountParams,
        body: newKey,
        response: { 201: newKeyBody, ...failures },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await accountExists(accounts, id);
      const { key, record } = await keys.create(id, request.body.name, newPolicy(request.body), (made) =>
        entryOf(request, {
          action: 'key.create',
          accountId: id,
          target: made.id,
          details: { name: made.name, scopes: made.scopes },
        }),
      );
      // Kept by no cache on the way.
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...keyToWire(record), key });
    },
  );
  for (const place of accountPlaces(auth, parts, tag)) {
    app.get(
      `${place.prefix}/keys`,
      {
        onRequest: place.onRequest,
        schema: {
          tags: place.tags,
          operationId: place.operationId('listKeys'),
          summary: "The account's keys, revoked ones included, newest first",
          params: place.params,
          querystring: pageQuery,
          response: { 200: listOf(keyBody), ...failures },
        },
      },
      async (request) => listBody(await keys.list(await place.accountId(request), pageAsk(request.query)), keyToWire),
    );
  }
  app.get(
    '/api/accounts/:id/keys/:key_id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'getKey',
        summary: 'One key',
        params: keyParams,
        response: { 200: keyBody, ...failures },
      },
    },
    async (request) => keyToWire(await found(request.params)),
  );
  app.patch(
    '/api/accounts/:id/keys/:key_id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'updateKey',
        summary: 'Change what a key may do; null takes a limit away',
        description: 'What is left out stays as it is. It counts at once on every replica. A revoked key is not found.',
        params: keyParams,
        body: keyChange,
        response: { 200: keyBody, ...failures },
      },
    },
    async (request) => {
      const { id, key_id } = request.params;
      const { revokedAt } = await found(request.params);
      if (revokedAt) throw noSuch('key', 'key_id');
      const { name, ...change } = request.body;
      const changed = { ...policyChange(change), ...(name !== undefined && { name }) };
      const record = await keys.update(id, key_id, changed, () =>
        entryOf(request, {
          action: 'key.update',
          accountId: id,
          target: key_id,
          details: { changed: Object.keys(request.body), ...(change.scopes && { scopes: change.scopes }) },
        }),
      );
      return keyToWire(record);
    },
  );
  app.delete(
    '/api/accounts/:id/keys/:key_id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'revokeKey',
        summary: 'Revoke a key for ever, at once on every replica; its row stays in the list',
        params: keyParams,
        response: { 204: z.null().describe('It is revoked.'), ...failures },
      },
    },
    async (request, reply) => {
      const { id, key_id } = request.params;
      await found(request.params);
      await keys.revoke(id, key_id, () =>
        entryOf(request, { action: 'key.revoke', accountId: id, target: key_id, details: {} }),
      );
      return reply.code(204).send(null);
    },
  );

  async function found({ id, key_id }: z.infer<typeof keyParams>) {
    await accountExists(accounts, id);
    const key = await keys.find(id, key_id);
    if (!key) throw noSuch('key', 'key_id');
    return key;
  }
}
