import { type ErrorCode, GatewayError } from '../../core/errors.ts';
import type { GuardedFetch } from '../../net/guarded-fetch.ts';
import { abortFailure } from '../../net/outbound-failure.ts';
import type { Call, Feature, ModelCard, Provider, ProviderAnswer, ProviderAsk } from '../contract.ts';
import { onlyLanguage } from '../support/only-language.ts';
import { defaultReplyTimeouts, type ReplyTimeouts, replyTimeoutMs } from '../support/reply-timeouts.ts';
import { storedBytes } from '../support/stored-bytes.ts';
import { createBridgeFetch, type PollIntervals } from './bridge-fetch.ts';
import { bridgeFailure } from './errors.ts';
import { type AiSdkModel, heldBytesCeiling } from './models.ts';
import { optionsFor } from './request.ts';
import { parseResult, toTranscript, unmetByWarnings, vendorDurationOf } from './response.ts';
import type { GenerateOptions, ModelFactory, ProviderOptions } from './transcription-model.ts';

export interface AiSdkProviderOptions {
  readonly id: string;
  /** The operator's package, imported once; rejects with GatewayError when it cannot be used. */
  readonly factory: Promise<ModelFactory>;
  readonly apiKey: string | null;
  /** Where all requests of the package go; null: where the package says. Its origin must be trusted by `http`. */
  readonly baseUrl: string | null;
  /** The operator's, under the name that the package gives itself. */
  readonly providerOptions: ProviderOptions;
  readonly findModel: (modelId: string) => AiSdkModel | null;
  readonly models: () => readonly ModelCard[];
  /** Not closed here: other providers share it. */
  readonly http: GuardedFetch;
  readonly timeouts?: ReplyTimeouts;
  readonly pollIntervals?: PollIntervals;
}

/** For the upload, which a reply's own time does not count: 32 MB over a line of 10 Mbit/s. */
const uploadAllowanceMs = 30_000;

/**
 * Any transcription model of Vercel's AI SDK: the long tail of vendors, with less than an adapter of our own would give.
 * The recording is held in memory while it is under way, and nothing streams.
 */
export function createAiSdkProvider(options: AiSdkProviderOptions): Provider {
  let heldBytes = 0;
  // Whoever asks learns of it; nobody has to.
  options.factory.catch(() => {});
  return {
    id: options.id,
    models: options.models,
    async transcribe(ask, call) {
      const model = options.findModel(ask.modelId);
      if (!model) throw new GatewayError('bad_gateway', `The provider has no model '${ask.modelId}'.`);
      if (ask.task === 'translate') {
        throw new GatewayError('bad_gateway', `The model '${ask.modelId}' cannot translate.`);
      }
      const { sizeBytes } = ask.audio.stored;
      const { maxUploadBytes } = model.card;
      if (maxUploadBytes !== null && sizeBytes > maxUploadBytes) {
        throw new GatewayError('payload_too_large', `The upload is too large for '${ask.modelId}'.`, { param: 'file' });
      }
      if (heldBytes > 0 && heldBytes + sizeBytes > heldBytesCeiling) {
        throw new GatewayError('service_unavailable', 'The provider has as many recordings as it may hold.', {
          retryAfterSeconds: 5,
        });
      }
      heldBytes += sizeBytes;
      try {
        return await transcribe(options, model, ask, call);
      } finally {
        heldBytes -= sizeBytes;
      }
    },
    // The connections belong to all providers together.
    async close() {},
  };
}

async function transcribe(
  options: AiSdkProviderOptions,
  model: AiSdkModel,
  ask: ProviderAsk,
  call: Call,
): Promise<ProviderAnswer> {
  if (call.signal.aborted) throw abortFailure(call.signal);
  const { durationMs } = ask.audio.probe;
  const timeoutMs = replyTimeoutMs(options.timeouts ?? defaultReplyTimeouts, durationMs);
  const own = new AbortController();
  // Packages make several requests, and wait in ways of their own between them: this bounds all of it together.
  const timer = setTimeout(
    () => own.abort(failure('timeout', 'The provider did not answer in time.')),
    2 * timeoutMs + uploadAllowanceMs,
  );
  const signal = AbortSignal.any([call.signal, own.signal]);
  const bridge = createBridgeFetch({
    http: options.http,
    baseUrl: options.baseUrl,
    signal,
    timeoutMs,
    ...(options.pollIntervals && { intervals: options.pollIntervals }),
  });
  try {
    const create = await options.factory;
    const bridged = create(model.name, {
      ...(options.apiKey !== null && { apiKey: options.apiKey }),
      ...(options.baseUrl !== null && { baseURL: options.baseUrl }),
      fetch: bridge.fetch,
    });
    const asked = optionsFor(bridged.provider, options.providerOptions, ask);
    const request: GenerateOptions = {
      audio: await bytesOf(ask),
      mediaType: ask.audio.probe.mediaType,
      ...(ask.wantWords && { timestampGranularities: ['word', 'segment'] }),
      providerOptions: asked.providerOptions,
      abortSignal: signal,
    };
    const result = parseResult(await orAbort(bridged.doGenerate(request), signal));
    if (!bridge.wasUsed()) throw evaded();
    const transcript = toTranscript(result, bridged.provider, ask, ask.language ?? onlyLanguage(model.card));
    const unmet = new Set<Feature>([...asked.unmet, ...unmetByWarnings(result, ask)]);
    if (ask.wantWords && transcript.words === null) unmet.add('word-times');
    const vendorDurationMs = vendorDurationOf(result, bridged.provider);
    return { transcript, usage: { type: 'duration', durationMs }, vendorDurationMs, unmet: [...unmet] };
  } catch (thrown) {
    if (call.signal.aborted) throw abortFailure(call.signal);
    if (own.signal.aborted) throw abortFailure(own.signal);
    throw bridgeFailure(thrown, bridge.fault(), options.apiKey === null ? [] : [options.apiKey]);
  } finally {
    clearTimeout(timer);
  }
}

/** The whole recording: the card's ceiling has been checked. */
async function bytesOf({ audio }: ProviderAsk): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(audio.stored.sizeBytes);
  let filled = 0;
  for await (const chunk of storedBytes(audio.stored)) {
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  return whole;
}

/** Some packages sleep between two questions without looking at the signal: nobody waits for them. */
async function orAbort<Result>(work: PromiseLike<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(abortFailure(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A package that does not use the `fetch` it is given went past every check of addresses, and past every timeout. */
function evaded(): GatewayError {
  return new GatewayError(
    'bad_gateway',
    'The package does not ask through the door that it is given, and is not used.',
  );
}

function failure(code: ErrorCode, message: string): GatewayError {
  return new GatewayError(code, message, { origin: 'provider' });
}
