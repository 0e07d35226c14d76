import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { GuardedFetch } from '../../net/guarded-fetch.ts';
import type { Call, Feature, ModelCard, Provider, ProviderAnswer, ProviderAsk } from '../contract.ts';
import { checkKeyAt } from '../support/check-key.ts';
import { multipartUpload } from '../support/multipart-upload.ts';
import { onlyLanguage } from '../support/only-language.ts';
import { defaultReplyTimeouts, type ReplyTimeouts, replyTimeoutMs } from '../support/reply-timeouts.ts';
import { readVendorFailure } from '../support/vendor-failure.ts';
import { readVendorJson } from '../support/vendor-json.ts';
import { msOfSeconds } from '../support/vendor-times.ts';
import { readElevenLabsComplaint } from './errors.ts';
import type { ElevenLabsModel } from './models.ts';
import { elevenLabsHeaders, formFields, keyCheckUrl, speechToTextUrl } from './request.ts';
import { speechToTextSchema, toTranscript } from './response.ts';

export interface ElevenLabsProviderOptions {
  readonly apiKey: string;
  /** `elevenLabsBaseUrl`, or another address with the same path below it. Its origin must be trusted by `http`. */
  readonly baseUrl: string;
  /** The model of this id now, null when there is none. */
  readonly findModel: (modelId: string) => ElevenLabsModel | null;
  readonly models: () => readonly ModelCard[];
  /** Not closed here: other providers share it. */
  readonly http: GuardedFetch;
  readonly timeouts?: ReplyTimeouts;
}

/** ElevenLabs Scribe: one form, one answer, with times and log-probabilities of words. */
export function createElevenLabsProvider(options: ElevenLabsProviderOptions): Provider {
  return {
    id: 'elevenlabs',
    models: options.models,
    async transcribe(ask, call) {
      const model = options.findModel(ask.modelId);
      if (!model) throw new GatewayError('bad_gateway', `The provider has no model '${ask.modelId}'.`);
      if (ask.task === 'translate') {
        throw new GatewayError('bad_gateway', `The model '${ask.modelId}' cannot translate.`);
      }
      try {
        return await transcribe(options, model, ask, call);
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
    checkKey: (signal) =>
      checkKeyAt({
        http: options.http,
        url: keyCheckUrl(options.baseUrl),
        headers: elevenLabsHeaders(options.apiKey),
        key: options.apiKey,
        readComplaint: readElevenLabsComplaint,
        signal,
      }),
    // The connections belong to all providers together.
    async close() {},
  };
}

async function transcribe(
  { apiKey, baseUrl, http, timeouts = defaultReplyTimeouts }: ElevenLabsProviderOptions,
  model: ElevenLabsModel,
  ask: ProviderAsk,
  { signal }: Call,
): Promise<ProviderAnswer> {
  const { durationMs } = ask.audio.probe;
  const form = formFields(model, ask);
  const timeoutMs = replyTimeoutMs(timeouts, durationMs);
  const reply = await http.request({
    method: 'POST',
    url: speechToTextUrl(baseUrl),
    headers: elevenLabsHeaders(apiKey),
    body: multipartUpload(form.fields, ask.audio),
    signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
  });
  if (reply.status !== 200) throw await readVendorFailure(reply, readElevenLabsComplaint, [apiKey]);
  const body = await readVendorJson(reply, speechToTextSchema);
  const transcript = toTranscript(body, ask, ask.language ?? onlyLanguage(model.card));
  const unmet: Feature[] = [...form.unmet];
  if (ask.wantWords && transcript.words === null) unmet.push('word-times');
  if (ask.wantLogprobs && transcript.tokens === null) unmet.push('logprobs');
  const vendorDurationMs = msOfSeconds(body.audio_duration_secs);
  return { transcript, usage: { type: 'duration', durationMs }, vendorDurationMs, unmet };
}
