import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { mayUseModel } from '../../auth/principal.ts';
import { GatewayError } from '../../core/errors.ts';
import { responseFormats } from '../../rendering/rendering-ask.ts';
import type { HttpParts } from '../http-parts.ts';
import type { ModelEntry } from '../model-directory.ts';
import { requireKey } from '../require-key.ts';
import { errorBody, modelBody, modelListBody } from '../wire-schemas.ts';

/** `GET /models` and `GET /models/{id}`, under `/v1` and at the root. */
export function modelRoutes(app: FastifyInstance, { auth, models }: HttpParts): void {
  const onRequest = requireKey(auth);
  for (const prefix of ['/v1', '']) {
    const common = { tags: ['models'], hide: prefix === '' };
    app.get(
      `${prefix}/models`,
      {
        onRequest,
        schema: {
          ...common,
          operationId: 'listModels',
          summary: 'Every model and alias that this key can use now',
          response: { 200: modelListBody, '4xx': errorBody },
        },
      },
      async (request) => {
        const { principal } = request.facts;
        const usable = models
          .list()
          .filter((one) => one.health !== 'not-installed' && (!principal || mayUseModel(principal, one.id)));
        return { object: 'list', data: usable.map(toWire) };
      },
    );
    const findModel = (id: string) => {
      const entry = models.find(id);
      if (entry) return toWire(entry);
      throw new GatewayError('model_not_found', `The model '${id.slice(0, 256)}' does not exist.`, { param: 'model' });
    };
    app.get<{ Params: { model: string } }>(
      `${prefix}/models/:model`,
      {
        onRequest,
        schema: {
          ...common,
          operationId: 'retrieveModel',
          summary: 'One model or alias, also one that is not installed',
          params: z.object({ model: z.string().describe('The id; a slash in it is sent as %2F, or as it is.') }),
          response: { 200: modelBody, '4xx': errorBody },
        },
      },
      async (request) => findModel(request.params.model),
    );
    app.get<{ Params: { '*': string } }>(
      // Ids hold a slash, and not every client encodes it.
      `${prefix}/models/*`,
      { onRequest, schema: { hide: true, response: { 200: modelBody } } },
      async (request) => findModel(request.params['*']),
    );
  }
}

function toWire(entry: ModelEntry): z.infer<typeof modelBody> {
  return {
    id: entry.id,
    object: 'model',
    created: entry.createdSeconds,
    owned_by: entry.ownedBy,
    shutdown_date: null,
    name: entry.name,
    description: entry.description,
    alias_of: entry.aliasOf === null ? null : [...entry.aliasOf],
    capabilities: [...entry.capabilities],
    languages: [...entry.languages],
    // Every format is rendered here from the one transcript, so every model has them all.
    response_formats: [...responseFormats],
    pricing: { per_minute_usd: entry.price.perMinuteUsd, minimum_seconds: entry.price.minimumSeconds },
    limits: { max_upload_bytes: entry.limits.maxUploadBytes, max_audio_seconds: entry.limits.maxAudioSeconds },
    health: entry.health,
  };
}
