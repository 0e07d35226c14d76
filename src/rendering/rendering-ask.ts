import type { Usage } from '../core/usage.ts';
import type { Transcript } from '../transcript/transcript.ts';

/** Every value of `response_format`, in the order of OpenAI's reference. */
export const responseFormats = ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'] as const;
export type ResponseFormat = (typeof responseFormats)[number];

/** A transcript and how it is wanted. Everything here is pure: the same ask gives the same bytes. */
export interface RenderingAsk {
  readonly transcript: Transcript;
  readonly usage: Usage;
  readonly task: 'transcribe' | 'translate';
  /** What the caller said is spoken, ISO-639-1; stands in where nobody spoke and the shape demands a language. */
  readonly askedLanguage: string | null;
  /** `timestamp_granularities`: which lists `verbose_json` carries. */
  readonly wantSegments: boolean;
  readonly wantWords: boolean;
  readonly wantLogprobs: boolean;
  /** Added to JSON bodies whose headers left before it was known (`x_flux`); null otherwise. */
  readonly receipt: Receipt | null;
}

/** What the `x-flux-…` headers say, for replies whose headers have already gone. */
export interface Receipt {
  readonly routed_model: string;
  readonly billed_seconds: number;
  readonly cost_usd: string;
  readonly unmet?: readonly string[];
  /** Times that the model did not give and how they came about: `words=aligned`, `segments=estimated`. */
  readonly derived?: readonly string[];
  readonly fallback?: readonly string[];
  readonly unheard_seconds?: number;
}

/** A reply body with its type. */
export interface Rendered {
  readonly mediaType: string;
  readonly content: string;
}

export const jsonType = 'application/json';
/** OpenAI labels srt and vtt so as well; its SDKs parse by this type and by nothing else. */
export const plainTextType = 'text/plain; charset=utf-8';
