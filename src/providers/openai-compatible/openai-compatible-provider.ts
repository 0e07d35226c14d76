import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { GuardedFetch, OutboundReply } from '../../net/guarded-fetch.ts';
import type { Call, Feature, ModelCard, Provider, ProviderAnswer, ProviderAsk } from '../contract.ts';
import { checkKeyAt } from '../support/check-key.ts';
import { defaultReplyTimeouts, type ReplyTimeouts, replyTimeoutMs } from '../support/reply-timeouts.ts';
import { readVendorFailure } from '../support/vendor-failure.ts';
import { readVendorJson } from '../support/vendor-json.ts';
import { readComplaint } from './errors.ts';
import type { Profile } from './profile.ts';
import { authOf, buildRequest, type Endpoint, keyCheckUrl, type UpstreamModel, type VendorRequest } from './request.ts';
import { replySchema, toTranscript, toUsage, vendorDurationOf } from './response.ts';
import { readStream } from './stream.ts';

/** A model that callers can name, and what it is called over there. */
export interface OpenAiCompatibleModel extends UpstreamModel {
  readonly card: ModelCard;
}

export interface OpenAiCompatibleOptions {
  /** Under which the plan names this provider; several boxes may share a profile. */
  readonly id: string;
  readonly profile: Profile;
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  /** Instead of the profile's query, such as Azure's `api-version=2025-03-01-preview`. */
  readonly query?: string;
  /** The model of this id now, null when there is none; a name pinned to a date is one, too. */
  readonly findModel: (modelId: string) => OpenAiCompatibleModel | null;
  readonly models: () => readonly ModelCard[];
  readonly http: GuardedFetch;
  readonly timeouts?: ReplyTimeouts;
}

/** A service or server that speaks OpenAI's transcription dialect, or one close to it. */
export function createOpenAiCompatibleProvider(options: OpenAiCompatibleOptions): Provider {
  const { profile, baseUrl, apiKey } = options;
  const endpoint: Endpoint = { profile, baseUrl, apiKey, query: options.query ?? null };
  const checkUrl = keyCheckUrl(endpoint);
  return {
    id: options.id,
    models: options.models,
    async transcribe(ask, call) {
      const model = options.findModel(ask.modelId);
      if (!model) throw new GatewayError('bad_gateway', `The provider has no model '${ask.modelId}'.`);
      if (ask.task === 'translate' && !(model.traits.translate && profile.translationPath !== null)) {
        throw new GatewayError('bad_gateway', `The model '${ask.modelId}' cannot translate.`);
      }
      try {
        return await transcribe(options, endpoint, model, ask, call);
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
    ...(checkUrl !== null &&
      apiKey !== null && {
        checkKey: (signal: AbortSignal) =>
          checkKeyAt({
            http: options.http,
            url: checkUrl,
            headers: { accept: 'application/json', ...authOf(endpoint) },
            key: apiKey,
            readComplaint,
            signal,
          }),
      }),
    // The connections belong to all providers together.
    async close() {},
  };
}

async function transcribe(
  { http, timeouts = defaultReplyTimeouts }: OpenAiCompatibleOptions,
  endpoint: Endpoint,
  model: OpenAiCompatibleModel,
  ask: ProviderAsk,
  call: Call,
): Promise<ProviderAnswer> {
  const { durationMs } = ask.audio.probe;
  const request = buildRequest(endpoint, model, ask, call.onEvent !== undefined, call.signal);
  const { maxUploadBytes } = model.card;
  if (request.isDecoded && maxUploadBytes !== null && request.body.sizeBytes > maxUploadBytes) {
    // The vendor would blame the caller, whose upload was small enough: decoding has made it larger.
    throw new GatewayError('bad_gateway', 'The recording is too large for this model once it is decoded for it.');
  }
  const timeoutMs = replyTimeoutMs(timeouts, durationMs);
  const reply = await http.request({
    method: 'POST',
    url: request.url,
    headers: request.headers,
    body: request.body,
    signal: call.signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
  });
  const secrets = endpoint.apiKey === null ? [] : [endpoint.apiKey];
  if (reply.status !== 200) throw await readVendorFailure(reply, readComplaint, secrets);
  const isStream = reply.header('content-type')?.startsWith('text/event-stream') ?? false;
  if (request.streams && isStream && call.onEvent && model.traits.stream) {
    const { unmet, ...answer } = await readStream(reply, {
      durationMs,
      wantLogprobs: ask.wantLogprobs,
      kind: model.traits.stream,
      secrets,
      onEvent: call.onEvent,
    });
    return { ...answer, unmet: [...new Set([...request.unmet, ...theirUnmet(reply, unmet)])] };
  }
  // A server that does not stream answers as if it had not been asked to.
  const body = await readVendorJson(reply, replySchema);
  const transcript = toTranscript(body, { durationMs, task: ask.task, wantWords: ask.wantWords });
  return {
    transcript,
    usage: toUsage(body.usage, durationMs),
    vendorDurationMs: vendorDurationOf(body),
    unmet: unmetAfter(request, transcript.words === null, ask, theirUnmet(reply, body.x_flux?.unmet ?? [])),
  };
}

/** Wishes that another fluxscribe can say it left out, in its header or in its body. */
const passedOn: readonly Feature[] = ['language', 'prompt', 'temperature', 'logprobs'];

function theirUnmet(reply: OutboundReply, inBody: readonly string[]): readonly Feature[] {
  const names = new Set([...(reply.header('x-flux-unmet') ?? '').split(',').map((name) => name.trim()), ...inBody]);
  return passedOn.filter((feature) => names.has(feature));
}

/** A server may leave out the words that it was asked for, or give them unasked. */
function unmetAfter(
  { unmet }: VendorRequest,
  noWords: boolean,
  ask: ProviderAsk,
  theirs: readonly Feature[],
): ProviderAnswer['unmet'] {
  const others = [...unmet, ...theirs].filter((feature) => feature !== 'word-times');
  return [...new Set([...others, ...(ask.wantWords && noWords ? (['word-times'] as const) : [])])];
}
