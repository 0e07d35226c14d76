import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { GuardedFetch } from '../../net/guarded-fetch.ts';
import { abortFailure } from '../../net/outbound-failure.ts';
import type { OutboundSockets } from '../../net/outbound-socket.ts';
import type { Call, Feature, ModelCard, Provider, ProviderAnswer, ProviderAsk } from '../contract.ts';
import { checkKeyAt } from '../support/check-key.ts';
import { rawUpload } from '../support/multipart-upload.ts';
import { onlyLanguage } from '../support/only-language.ts';
import { defaultReplyTimeouts, type ReplyTimeouts, replyTimeoutMs } from '../support/reply-timeouts.ts';
import { readVendorFailure } from '../support/vendor-failure.ts';
import { readVendorJson } from '../support/vendor-json.ts';
import { msOfSeconds } from '../support/vendor-times.ts';
import { readDeepgramComplaint } from './errors.ts';
import { runFluxSession } from './flux-session.ts';
import { type DeepgramModel, isFlux } from './models.ts';
import { deepgramHeaders, fluxUrl, keyCheckUrl, prerecordedUrl } from './request.ts';
import { listenReplySchema, toTranscript } from './response.ts';

export interface DeepgramProviderOptions {
  readonly apiKey: string;
  /** `deepgramBaseUrl`, or another address with the same paths below it. Its origin must be trusted by `http`. */
  readonly baseUrl: string;
  /** The model of this id now, null when there is none. */
  readonly findModel: (modelId: string) => DeepgramModel | null;
  readonly models: () => readonly ModelCard[];
  /** Not closed here: other providers share it. */
  readonly http: GuardedFetch;
  /** Not closed here either. */
  readonly sockets: OutboundSockets;
  readonly timeouts?: ReplyTimeouts;
}

/**
 * Deepgram: Nova and older models by upload (`POST /v1/listen`), Flux by stream (`/v2/listen`). Word times and
 * confidences come with every answer. Neither takes a prompt or a temperature.
 */
export function createDeepgramProvider(options: DeepgramProviderOptions): Provider {
  const closing = new AbortController();
  return {
    id: 'deepgram',
    models: options.models,
    async transcribe(ask, call) {
      const model = options.findModel(ask.modelId);
      if (!model) throw new GatewayError('bad_gateway', `The provider has no model '${ask.modelId}'.`);
      if (ask.task === 'translate') {
        throw new GatewayError('bad_gateway', `The model '${ask.modelId}' cannot translate.`);
      }
      if (call.signal.aborted) throw abortFailure(call.signal);
      try {
        return isFlux(model)
          ? await streamed(options, model, ask, { ...call, signal: AbortSignal.any([call.signal, closing.signal]) })
          : await uploaded(options, model, ask, call);
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
    checkKey: (signal) =>
      checkKeyAt({
        http: options.http,
        url: keyCheckUrl(options.baseUrl),
        headers: deepgramHeaders(options.apiKey),
        key: options.apiKey,
        readComplaint: readDeepgramComplaint,
        signal,
      }),
    async close() {
      closing.abort(new GatewayError('service_unavailable', 'The server is stopping.'));
    },
  };
}

async function uploaded(
  options: DeepgramProviderOptions,
  model: DeepgramModel,
  ask: ProviderAsk,
  call: Call,
): Promise<ProviderAnswer> {
  const { apiKey, baseUrl, http, timeouts = defaultReplyTimeouts } = options;
  const timeoutMs = replyTimeoutMs(timeouts, ask.audio.probe.durationMs);
  const reply = await http.request({
    method: 'POST',
    url: prerecordedUrl(baseUrl, model, ask).href,
    headers: deepgramHeaders(apiKey),
    body: rawUpload(ask.audio),
    signal: call.signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
  });
  if (reply.status !== 200) throw await readVendorFailure(reply, readDeepgramComplaint, [apiKey]);
  const listened = await readVendorJson(reply, listenReplySchema);
  const transcript = toTranscript(listened, ask, ask.language ?? onlyLanguage(model.card));
  const vendorDurationMs = msOfSeconds(listened.metadata?.duration);
  return { ...answer(ask, transcript, transcript.words !== null), vendorDurationMs };
}

async function streamed(
  options: DeepgramProviderOptions,
  model: DeepgramModel,
  ask: ProviderAsk,
  call: Call,
): Promise<ProviderAnswer> {
  const { apiKey, baseUrl, sockets, timeouts = defaultReplyTimeouts } = options;
  const parts = {
    sockets,
    url: fluxUrl(baseUrl, model, ask),
    headers: deepgramHeaders(apiKey),
    knownLanguage: ask.language ?? onlyLanguage(model.card),
    finishTimeoutMs: replyTimeoutMs(timeouts, ask.audio.probe.durationMs),
  };
  const { transcript, hasWordTimes } = await runFluxSession(parts, ask, call);
  return answer(ask, transcript, hasWordTimes);
}

function answer(ask: ProviderAsk, transcript: ProviderAnswer['transcript'], hasWordTimes: boolean): ProviderAnswer {
  const unmet: Feature[] = [];
  if (ask.wantWords && !hasWordTimes) unmet.push('word-times');
  if (ask.wantLogprobs) unmet.push('logprobs');
  if (ask.prompt) unmet.push('prompt');
  // Nothing is drawn by chance here, which is what a temperature of 0 asks for.
  if (ask.temperature) unmet.push('temperature');
  return { transcript, usage: { type: 'duration', durationMs: ask.audio.probe.durationMs }, unmet };
}
