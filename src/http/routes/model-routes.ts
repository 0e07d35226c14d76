import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { accessOf } from '../../auth/access.ts';
import type { Caller } from '../../auth/key-directory.ts';
import { GatewayError } from '../../core/errors.ts';
import { formatDollars, parseDollars } from '../../core/money.ts';
import { responseFormats } from '../../rendering/rendering-ask.ts';
import type { HttpParts } from '../http-parts.ts';
import type { ModelEntry } from '../model-directory.ts';
import type { RequestFacts } from '../request-facts.ts';
import { requireKey } from '../require-key.ts';
import { errorBody, modelBody, modelListBody } from '../wire-schemas.ts';

/** `GET /models` and `GET /models/{id}`, under `/v1` and at the root. */
export function modelRoutes(app: FastifyInstance, { auth, models, accountKeysOf }: HttpParts): void {
  const onRequest = requireKey(auth);
  const ownProviders = async ({ principal }: RequestFacts) =>
    principal ? (await accountKeysOf?.(principal.account.id))?.choice.providerIds : undefined;
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
          .list(await ownProviders(request.facts))
          .filter((one) => one.health !== 'not-installed' && (!principal || mayUse(principal, one)));
        return { object: 'list', data: usable.map((entry) => toWire(entry, principal)) };
      },
    );
    const findModel = async (id: string, facts: RequestFacts) => {
      const { principal } = facts;
      const entry = models.find(id, await ownProviders(facts), principal && accessOf(principal).allowedModels);
      // A model that the key may not use does not exist for it, as with OpenAI.
      if (entry && (!principal || mayUse(principal, entry))) return toWire(entry, principal);
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
      async (request) => findModel(request.params.model, request.facts),
    );
    app.get<{ Params: { '*': string } }>(
      // Ids hold a slash, and not every client encodes it.
      `${prefix}/models/*`,
      { onRequest, schema: { hide: true, response: { 200: modelBody } } },
      async (request) => findModel(request.params['*'], request.facts),
    );
  }
}

function toWire(entry: ModelEntry, principal: Caller | null): z.infer<typeof modelBody> {
  const { limits, callLimits } = entry;
  const price = priceFor(principal, entry);
  return {
    id: entry.id,
    object: 'model',
    created: entry.createdSeconds,
    owned_by: entry.ownedBy,
    shutdown_date: null,
    name: entry.name,
    description: entry.description,
    alias_of: entry.aliasOf === null ? null : [...entry.aliasOf],
    fallbacks: [...entry.fallbacks],
    capabilities: [...entry.capabilities],
    languages: [...entry.languages],
    // Every format is rendered here from the one transcript, so every model has them all.
    response_formats: [...responseFormats],
    audio_formats: [...entry.audioFormats],
    pricing: {
      per_minute_usd: price.perMinuteUsd,
      minimum_seconds: price.minimumSeconds,
      per_million_tokens: price.perMillionTokens && {
        input_usd: price.perMillionTokens.inputUsd,
        audio_usd: price.perMillionTokens.audioUsd,
        output_usd: price.perMillionTokens.outputUsd,
      },
    },
    limits: {
      max_upload_bytes: Math.min(limits.maxUploadBytes, principal?.plan.maxUploadBytes ?? limits.maxUploadBytes),
      max_audio_seconds: limits.maxAudioSeconds,
      per_call: { max_upload_bytes: callLimits.maxUploadBytes, max_audio_seconds: callLimits.maxAudioSeconds },
    },
    health: entry.health,
  };
}

/** Whether a request of the key by this name could be planned at all; which models answer it, routing decides. */
function mayUse(principal: Caller, entry: ModelEntry): boolean {
  const { allowedModels, localOnly, maxNanosPerMinute } = accessOf(principal);
  const { perMinuteUsd } = priceFor(principal, entry);
  if (allowedModels && !allowedModels.includes(entry.id)) return false;
  if (localOnly && !entry.isLocal) return false;
  return maxNanosPerMinute === null || parseDollars(perMinuteUsd) <= maxNanosPerMinute;
}

/** A plan's own price is by the length alone. */
function priceFor(principal: Caller | null, { id, price }: ModelEntry): ModelEntry['price'] {
  const prices = principal?.plan.prices ?? {};
  const ofPlan = Object.hasOwn(prices, id) ? prices[id] : undefined;
  if (!ofPlan) return price;
  return {
    perMinuteUsd: formatDollars(ofPlan.nanosPerMinute),
    minimumSeconds: ofPlan.minimumMs / 1000,
    perMillionTokens: null,
  };
}
