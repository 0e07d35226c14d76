import { type Audio, PCM_RATE } from '../../audio/audio.ts';
import type { StreamedBody } from '../../net/guarded-fetch.ts';
import type { Feature, ProviderAsk } from '../contract.ts';
import { type FormField, multipartUpload } from '../support/multipart-upload.ts';
import { wavUpload } from '../support/wav-upload.ts';
import { huggingFaceUpload } from './hugging-face.ts';
import type { ModelTraits, Profile } from './profile.ts';

export interface UpstreamModel {
  /** As the vendor writes it. */
  readonly name: string;
  readonly traits: ModelTraits;
}

export interface VendorRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: StreamedBody;
  /** Whether the recording is decoded for this vendor, and so larger than the upload. */
  readonly isDecoded: boolean;
  /** Whether the vendor was asked to answer in events. */
  readonly streams: boolean;
  readonly unmet: readonly Feature[];
}

export interface Endpoint {
  readonly profile: Profile;
  readonly baseUrl: string;
  /** null: the box wants none. */
  readonly apiKey: string | null;
  /** Instead of the profile's own. */
  readonly query: string | null;
}

/** Everything that is sent for one ask. Pure but for the file, which is read while the body is sent. */
export function buildRequest(
  endpoint: Endpoint,
  model: UpstreamModel,
  ask: ProviderAsk,
  wantEvents: boolean,
  signal: AbortSignal,
): VendorRequest {
  const { profile } = endpoint;
  const { fields, streams, unmet } = buildFields(profile, model, ask, wantEvents);
  return {
    url: knownAddressOf(endpoint, model.name, ask.task),
    headers: { accept: streams ? 'text/event-stream' : 'application/json', ...authOf(endpoint) },
    body: bodyOf(profile, fields, ask, signal),
    isDecoded: isForeign(profile, ask.audio),
    streams,
    unmet,
  };
}

function bodyOf(profile: Profile, fields: readonly FormField[], ask: ProviderAsk, signal: AbortSignal): StreamedBody {
  if (profile.upload === 'hugging-face') return huggingFaceUpload(ask.audio, ask.temperature);
  return isForeign(profile, ask.audio) ? wavUpload(fields, ask.audio, signal) : multipartUpload(fields, ask.audio);
}

/** Whether the vendor cannot read the recording as it is. */
function isForeign({ decoded, wavOnly }: Profile, audio: Audio): boolean {
  return decoded.has(audio.probe.container) || (wavOnly && !isPlainWav(audio));
}

/** Room for a header and for tags behind the samples: far from the next width, which would be half as much again. */
const wavSlack = 0.2;

/** 16-bit WAV at 16 kHz. The width of a sample is told by the size: nothing else lies in such a file. */
function isPlainWav({ probe, stored }: Audio): boolean {
  const { container, codec, sampleRate, channels, durationMs } = probe;
  if (container !== 'wav' || codec !== 'pcm' || sampleRate !== PCM_RATE || channels > 2) return false;
  const sampleBytes = (stored.sizeBytes * 1000) / (durationMs * sampleRate * channels);
  return sampleBytes >= 2 && sampleBytes <= 2 + wavSlack;
}

interface Fields {
  readonly fields: readonly FormField[];
  readonly streams: boolean;
  readonly unmet: readonly Feature[];
}

/** Exported for its test. */
export function buildFields(profile: Profile, model: UpstreamModel, ask: ProviderAsk, wantEvents: boolean): Fields {
  const { traits } = model;
  const fields: FormField[] = [];
  const unmet: Feature[] = [];
  const translating = ask.task === 'translate';
  if (profile.namesModel) fields.push(['model', model.name]);

  // A translation is told no language: OpenAI's route has no such field.
  const language = translating && profile.translationPath !== profile.path ? null : ask.language;
  if (language !== null && traits.language === null) unmet.push('language');
  else if (traits.language !== null && (language ?? profile.languageWhenUnknown) !== null) {
    fields.push([traits.language, language ?? profile.languageWhenUnknown ?? '']);
  }
  if (ask.prompt) {
    if (traits.prompt) fields.push(['prompt', ask.prompt]);
    else unmet.push('prompt');
  }
  if (ask.temperature !== null) {
    if (traits.temperature) fields.push(['temperature', String(ask.temperature)]);
    // Models without the parameter decode greedily: zero is what they do.
    else if (ask.temperature > 0) unmet.push('temperature');
  }

  // Words are worth more than early text: a vendor's stream has no times.
  const streams = wantEvents && traits.stream !== null && !translating && !(ask.wantWords && traits.words);
  const plainJson =
    (streams && traits.stream !== 'segments') || (ask.wantLogprobs && traits.logprobs && !ask.wantWords);
  const timed = !plainJson && traits.times !== null && !(traits.languageOrTimes && language !== null);
  const worded = timed && traits.words && ask.wantWords && !translating;
  if (traits.format) {
    fields.push(['response_format', timed && traits.times !== 'granularity' ? (traits.times ?? 'json') : 'json']);
  }
  // The translation route has no granularities; diarized_json has its own.
  if (timed && traits.times !== 'diarized_json' && !(translating && traits.times === 'verbose_json')) {
    fields.push([profile.granularityField, 'segment']);
    if (worded) fields.push([profile.granularityField, 'word']);
  }
  if (ask.wantWords && !worded) unmet.push('word-times');
  if (ask.wantLogprobs) {
    if (plainJson && traits.logprobs) fields.push(['include[]', 'logprobs']);
    else unmet.push('logprobs');
  }
  if (streams) fields.push(['stream', 'true']);
  if (translating && profile.translationPath === profile.path) fields.push(['translate', 'true']);
  if (!translating) fields.push(...traits.extra);
  return { fields, streams, unmet };
}

/** Addresses by endpoint, and by task and model: the same few with every request. */
const knownAddresses = new WeakMap<Endpoint, Map<string, string>>();
/** Callers choose the day to which a model's name is pinned. */
const mostKnownAddresses = 64;

function knownAddressOf(endpoint: Endpoint, modelName: string, task: ProviderAsk['task']): string {
  let known = knownAddresses.get(endpoint);
  if (!known) {
    known = new Map();
    knownAddresses.set(endpoint, known);
  }
  const key = `${task} ${modelName}`;
  let address = known.get(key);
  if (address === undefined) {
    address = addressOf(endpoint, modelName, task);
    if (known.size >= mostKnownAddresses) known.clear();
    known.set(key, address);
  }
  return address;
}

/** Bases are written with and without the version that the path begins with: what they share is not repeated. */
export function addressOf(endpoint: Endpoint, modelName: string, task: ProviderAsk['task']): string {
  const { profile } = endpoint;
  const base = (
    profile.hosts.get(modelName) && endpoint.baseUrl === profile.baseUrl
      ? profile.hosts.get(modelName)!
      : endpoint.baseUrl
  ).replace(/\/+$/, '');
  const template = task === 'translate' ? (profile.translationPath ?? profile.path) : profile.path;
  const path = template.replace('{model}', modelName.split('/').map(encodeURIComponent).join('/'));
  return withQuery(joined(base, path), endpoint);
}

/** Where a key can be tried; null: nowhere. */
export function keyCheckUrl(endpoint: Endpoint): string | null {
  const { profile, baseUrl } = endpoint;
  const { keyCheck } = profile;
  if (keyCheck === null) return null;
  if (keyCheck.startsWith('/')) return withQuery(joined(baseUrl.replace(/\/+$/, ''), keyCheck), endpoint);
  return baseUrl === profile.baseUrl ? keyCheck : null;
}

function joined(base: string, path: string): string {
  const steps = path.split('/');
  // '/openai/v1/audio' after a base that ends with '/openai/v1' or '/openai' loses that beginning.
  for (let count = steps.length - 1; count > 1; count--) {
    const beginning = steps.slice(0, count).join('/');
    if (base.endsWith(beginning)) return base + path.slice(beginning.length);
  }
  return base + path;
}

function withQuery(address: string, { query, profile }: Endpoint): string {
  const parameters = query ?? profile.query;
  return parameters === '' ? address : `${address}?${parameters}`;
}

/** The key as the profile wants it. */
export function authOf({ profile, apiKey }: Endpoint): Record<string, string> {
  if (apiKey === null) return {};
  return profile.auth === 'api-key' ? { 'api-key': apiKey } : { authorization: `Bearer ${apiKey}` };
}
