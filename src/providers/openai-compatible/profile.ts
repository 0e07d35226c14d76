import type { ContainerName } from '../../audio/audio.ts';
import type { Feature } from '../contract.ts';

/** What may be sent to one model, and what it then answers: a parameter that it does not know makes vendors answer 400. */
export interface ModelTraits {
  /**
   * How segments with times are had: `verbose_json`; `diarized_json` (with speakers); `granularity` alone, where the reply
   * has one format only; null: never.
   */
  readonly times: 'verbose_json' | 'diarized_json' | 'granularity' | null;
  /** Word times come with `times` when asked for. */
  readonly words: boolean;
  /** Takes `response_format`. */
  readonly format: boolean;
  /** The field for a named language: one code, or a list of those expected; null: it finds out itself. */
  readonly language: 'language' | 'languages[]' | null;
  /** Refuses a language together with times; then the language wins. */
  readonly languageOrTimes: boolean;
  readonly prompt: boolean;
  readonly temperature: boolean;
  /** `include[]=logprobs`, in the plain `json` format. */
  readonly logprobs: boolean;
  /**
   * Takes `stream=true`. `deltas`: a delta may be any piece of text; `phrases`: each is a finished segment; `segments`: its
   * segment events, not its deltas, are the text.
   */
  readonly stream: 'deltas' | 'phrases' | 'segments' | null;
  readonly translate: boolean;
  /** Further fields that the model must have. */
  readonly extra: readonly (readonly [name: string, value: string])[];
}

/** One dialect of the OpenAI-shaped family. */
export interface Profile {
  readonly id: string;
  /** Base address as the vendor's own SDK means it; null: a box that the operator must name. */
  readonly baseUrl: string | null;
  /** Follows the base address; `{model}` is the upstream name. Parts that the base already ends with are not repeated. */
  readonly path: string;
  readonly translationPath: string | null;
  /**
   * What a key can be tried with, a list mostly: a path as above, or a whole address where the vendor has it elsewhere,
   * which then counts for the vendor's own base address alone. null: nothing there needs a key.
   */
  readonly keyCheck: string | null;
  /** Appended to every address. */
  readonly query: string;
  readonly auth: 'bearer' | 'api-key';
  /** `hugging-face`: JSON with the recording in base64, no form. */
  readonly upload: 'form' | 'hugging-face';
  /** Whether the form names the model. */
  readonly namesModel: boolean;
  readonly granularityField: 'timestamp_granularities[]' | 'timestamp_granularities';
  /** Sent when the caller names no language; null: nothing. */
  readonly languageWhenUnknown: string | null;
  /** Understands 16-bit WAV at 16 kHz alone: everything else is decoded here. */
  readonly wavOnly: boolean;
  /** Containers that it does not take, which are decoded here to WAV. */
  readonly decoded: ReadonlySet<ContainerName>;
  /** Some models live on a host of their own: upstream name → base address. */
  readonly hosts: ReadonlyMap<string, string>;
  /** By the beginning of the model's name, the most exact first; the last one has an empty beginning. */
  readonly models: readonly (readonly [beginning: string, traits: ModelTraits])[];
}

/** The traits under a model's name, or under the name of the model that the operator says it is like. */
export function traitsOf(profile: Profile, name: string): ModelTraits {
  const found = profile.models.find(([beginning]) => name.startsWith(beginning));
  if (!found) throw new RangeError(`the profile '${profile.id}' has no traits for unknown models`);
  return found[1];
}

/** What a model with these traits can be asked for: the capabilities of a box's model that no catalogue describes. */
export function featuresOf(traits: ModelTraits): Feature[] {
  const features: Feature[] = ['transcribe'];
  if (traits.translate) features.push('translate');
  if (traits.stream) features.push('stream');
  if (traits.words) features.push('word-times');
  if (traits.times) features.push('segment-times');
  if (traits.logprobs) features.push('logprobs');
  if (traits.times === 'diarized_json') features.push('diarize');
  if (traits.prompt) features.push('prompt');
  if (traits.temperature) features.push('temperature');
  return features;
}
