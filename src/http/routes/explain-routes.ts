import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { accessOf } from '../../auth/access.ts';
import type { Caller } from '../../auth/key-directory.ts';
import { GatewayError } from '../../core/errors.ts';
import { toLanguageCode } from '../../core/language.ts';
import { formatDollars } from '../../core/money.ts';
import type { ExplainedAttempt, RouteExplanation } from '../../pipeline/explain-route.ts';
import { type ResponseFormat, responseFormats } from '../../rendering/rendering-ask.ts';
import type { AdminParts } from '../admin-parts.ts';
import type { HttpParts } from '../http-parts.ts';
import { requireKey } from '../require-key.ts';
import { errorBody, routeExplanationBody } from '../wire-schemas.ts';
import { opaqueId } from './admin/wire/fields.ts';

/** A day of sound and two gibibytes are the most that the settings can allow. */
const maxSeconds = 86_400;
const maxBytes = 2 * 1024 ** 3;

const query = z.strictObject({
  model: z.string().min(1).max(512).optional().describe('Model or alias; the default model when left out.'),
  language: z
    .string()
    .max(64)
    .transform((spelling, context) => {
      const code = spelling === '' ? null : toLanguageCode(spelling);
      if (code === null && spelling !== '') context.addIssue({ code: 'custom', message: 'There is no such language.' });
      return code;
    })
    .optional()
    .describe('What is spoken: `en`, `en-US`, `English`; found out when left out.'),
  task: z.enum(['transcribe', 'translate']).default('transcribe'),
  seconds: z.coerce.number().min(0).max(maxSeconds).default(0).describe('Length of the recording.'),
  response_format: z
    .enum(responseFormats)
    .default('json')
    .describe('Every model serves every format; some need times that a model does not give.'),
  bytes: z.coerce.number().int().min(0).max(maxBytes).optional().describe('Size of the upload in bytes.'),
  key_id: opaqueId.optional().describe('Plan as for this key; needs a key with the scope admin.'),
});

/** `GET /api/routes/explain`: the plan of a request that is not made. */
export function explainRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { auth, explainRoute, defaultModel, accounts, accountKeysOf } = parts;
  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/routes/explain',
    {
      onRequest: requireKey(auth),
      schema: {
        tags: ['routes'],
        operationId: 'explainRoute',
        summary: 'Which models would be asked for a recording with this key, in which order, and why not the others',
        querystring: query,
        response: { 200: routeExplanationBody, '4xx': errorBody },
      },
    },
    async (request) => {
      const { model = defaultModel, language = null, task, seconds, response_format, bytes } = request.query;
      const caller = await callerFor(request.query.key_id ?? null, request.facts.principal, accounts);
      const keys = caller && (await accountKeysOf?.(caller.account.id));
      const explanation = explainRoute({
        model,
        language,
        task,
        durationMs: Math.round(seconds * 1000),
        needs: timesIn(response_format),
        ...(bytes !== undefined && { sizeBytes: bytes }),
        ...(caller && { access: accessOf(caller) }),
        ...(keys && { own: keys.choice }),
      });
      return toWire(explanation);
    },
  );
}

/** Whose request is planned: the caller's, or another key's for an administrator. */
async function callerFor(keyId: string | null, asking: Caller | null, accounts: AdminParts | undefined) {
  if (keyId === null || keyId === asking?.keyId) return asking;
  if (!asking?.scopes.includes('admin')) {
    throw new GatewayError('permission_denied', "To ask for another key needs a key with the scope 'admin'.", {
      param: 'key_id',
    });
  }
  const caller = (await accounts?.keys.findCaller(keyId)) ?? null;
  if (caller === null) throw new GatewayError('not_found', 'No key of this id can be used.', { param: 'key_id' });
  return caller;
}

function toWire(explanation: RouteExplanation): z.infer<typeof routeExplanationBody> {
  const { opening, price, refusal } = explanation;
  return {
    object: 'route_explanation',
    model: explanation.model,
    resolved_name: explanation.resolvedName,
    pricing: {
      per_minute_usd: formatDollars(price.nanosPerMinute),
      minimum_seconds: price.minimumMs / 1000,
      by_tokens: price.tokens !== undefined,
    },
    opening: opening && { ...attemptToWire(opening), keep_above_confidence: opening.keepAboveConfidence },
    attempts: explanation.attempts.map(attemptToWire),
    rejected: explanation.passedOver.map(({ modelId, providerId, why, words, retryAfterMs }) => ({
      provider: providerId,
      model: modelId,
      why: words,
      code: why,
      retry_after_seconds: retryAfterMs === null ? null : Math.ceil(retryAfterMs / 1000),
    })),
    error: refusal,
  };
}

/** Subtitles are cut at words; the lists of words in `verbose_json` are a choice of the request that is not made here. */
function timesIn(format: ResponseFormat): readonly ('word-times' | 'segment-times')[] {
  if (format === 'json' || format === 'text') return [];
  return format === 'srt' || format === 'vtt' ? ['word-times', 'segment-times'] : ['segment-times'];
}

function attemptToWire(attempt: ExplainedAttempt) {
  const { modelId, providerId, words, adds, pieces, breaker, nanosPerMinute } = attempt;
  return {
    provider: providerId,
    model: modelId,
    why: words,
    adds: [...adds],
    breaker,
    own_price_per_minute_usd: nanosPerMinute === null ? null : formatDollars(nanosPerMinute),
    pieces: pieces && {
      max_seconds: pieces.maxDurationMs === null ? null : pieces.maxDurationMs / 1000,
      max_upload_bytes: pieces.maxUploadBytes,
      max_parallel_calls: pieces.maxParallelCalls,
    },
  };
}
