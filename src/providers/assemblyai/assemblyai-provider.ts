import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { GuardedFetch } from '../../net/guarded-fetch.ts';
import type { Call, Feature, ModelCard, Provider, ProviderAnswer, ProviderAsk } from '../contract.ts';
import { checkKeyAt } from '../support/check-key.ts';
import { rawUpload } from '../support/multipart-upload.ts';
import { onlyLanguage } from '../support/only-language.ts';
import { defaultReplyTimeouts, type ReplyTimeouts, replyTimeoutMs } from '../support/reply-timeouts.ts';
import { readVendorFailure } from '../support/vendor-failure.ts';
import { readVendorJson } from '../support/vendor-json.ts';
import { msOfSeconds } from '../support/vendor-times.ts';
import { readAssemblyAiComplaint } from './errors.ts';
import {
  createJobs,
  defaultOrphanGraceMs,
  defaultPollIntervals,
  type JobCall,
  type Jobs,
  type PollIntervals,
} from './jobs.ts';
import type { AssemblyAiModel } from './models.ts';
import { addressesOf, assemblyAiHeaders, transcriptRequest } from './request.ts';
import { toTranscript, uploadReplySchema } from './response.ts';

export interface AssemblyAiProviderOptions {
  readonly apiKey: string;
  /** `assemblyAiBaseUrl`, or another address with the same paths below it. Its origin must be trusted by `http`. */
  readonly baseUrl: string;
  /** The model of this id now, null when there is none. */
  readonly findModel: (modelId: string) => AssemblyAiModel | null;
  readonly models: () => readonly ModelCard[];
  /** Not closed here: other providers share it. It must be open until this provider is closed. */
  readonly http: GuardedFetch;
  readonly timeouts?: ReplyTimeouts;
  readonly pollIntervals?: PollIntervals;
  /** How long a job that is being made is waited for after its caller has left, so that it can be deleted. */
  readonly orphanGraceMs?: number;
  /** Leaves finished transcripts in the operator's account. Otherwise they are deleted as soon as they have been read. */
  readonly keepTranscripts?: boolean;
}

/**
 * AssemblyAI: the recording is uploaded, a job made of it and asked after until it is done. A job whose caller leaves, whose
 * deadline passes or whose answer cannot be read is deleted.
 */
export function createAssemblyAiProvider(options: AssemblyAiProviderOptions): Provider {
  const closing = new AbortController();
  const jobs = createJobs({
    apiKey: options.apiKey,
    addresses: addressesOf(options.baseUrl),
    http: options.http,
    intervals: options.pollIntervals ?? defaultPollIntervals,
    orphanGraceMs: options.orphanGraceMs ?? defaultOrphanGraceMs,
  });
  /** Calls, and deletions that outlive their calls. */
  const pending = new Set<Promise<unknown>>();
  const track = <Result>(work: Promise<Result>): Promise<Result> => {
    pending.add(work);
    const forget = () => pending.delete(work);
    work.then(forget, forget);
    return work;
  };
  return {
    id: 'assemblyai',
    models: options.models,
    async transcribe(ask, call) {
      const model = options.findModel(ask.modelId);
      if (!model) throw new GatewayError('bad_gateway', `The provider has no model '${ask.modelId}'.`);
      if (ask.task === 'translate') {
        throw new GatewayError('bad_gateway', `The model '${ask.modelId}' cannot translate.`);
      }
      const signal = AbortSignal.any([call.signal, closing.signal]);
      try {
        return await track(transcribe(options, jobs, model, ask, { ...call, signal }, track));
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
    checkKey: (signal) =>
      checkKeyAt({
        http: options.http,
        url: addressesOf(options.baseUrl).keyCheck,
        headers: assemblyAiHeaders(options.apiKey),
        key: options.apiKey,
        readComplaint: readAssemblyAiComplaint,
        signal,
      }),
    async close() {
      closing.abort(new GatewayError('service_unavailable', 'The server is stopping.'));
      while (pending.size > 0) await Promise.allSettled(pending);
    },
  };
}

async function transcribe(
  options: AssemblyAiProviderOptions,
  jobs: Jobs,
  model: AssemblyAiModel,
  ask: ProviderAsk,
  { signal, log }: Call,
  track: (work: Promise<void>) => void,
): Promise<ProviderAnswer> {
  const { durationMs } = ask.audio.probe;
  const at: JobCall = { signal, log, timeoutMs: replyTimeoutMs(options.timeouts ?? defaultReplyTimeouts, durationMs) };
  const uploadUrl = await upload(options, ask, at);
  const request = transcriptRequest(model, uploadUrl, ask);
  const id = await jobs.create(request.body, at, track);
  let isDone = false;
  try {
    const job = await jobs.completed(id, at);
    isDone = true;
    const transcript = toTranscript(job, ask, ask.language ?? onlyLanguage(model.card));
    const unmet: Feature[] = [...request.unmet];
    if (ask.wantWords && transcript.words === null) unmet.push('word-times');
    const vendorDurationMs = msOfSeconds(job.audio_duration);
    return { transcript, usage: { type: 'duration', durationMs }, vendorDurationMs, unmet };
  } finally {
    if (!(isDone && options.keepTranscripts)) {
      const removal = jobs.remove(id, log);
      // Whoever has left waits for nothing.
      if (signal.aborted) track(removal);
      else await removal;
    }
  }
}

async function upload(
  { apiKey, baseUrl, http }: AssemblyAiProviderOptions,
  ask: ProviderAsk,
  { signal, timeoutMs }: JobCall,
): Promise<string> {
  const reply = await http.request({
    method: 'POST',
    url: addressesOf(baseUrl).upload,
    headers: assemblyAiHeaders(apiKey),
    body: rawUpload(ask.audio, 'application/octet-stream'),
    signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
  });
  if (reply.status !== 200) throw await readVendorFailure(reply, readAssemblyAiComplaint, [apiKey]);
  return (await readVendorJson(reply, uploadReplySchema)).upload_url;
}
