import type { Audio } from '../audio/audio.ts';
import type { Log } from '../core/log.ts';
import type { Usage } from '../core/usage.ts';
import type { LanguageTag, Transcript, TranscriptEvent } from '../transcript/transcript.ts';

/** An ability that a request can ask for and a model may lack. */
export type Feature =
  | 'transcribe'
  | 'translate'
  | 'live'
  | 'stream'
  | 'word-times'
  | 'segment-times'
  | 'logprobs'
  | 'diarize'
  | 'prompt'
  | 'temperature'
  /** Takes a named language instead of finding out; only ever in `unmet`, by those that cannot. */
  | 'language';

/** One model of one provider; read without a network call. */
export interface ModelCard {
  /** Full name as callers write it: `local/moonshine-tiny`, `openai/whisper-1`. */
  readonly id: string;
  readonly features: readonly Feature[];
  /** ISO-639-1 codes; `*` alone means any. */
  readonly languages: readonly LanguageTag[];
  /** Longest audio in one call; null: no ceiling of its own. */
  readonly maxDurationMs: number | null;
  /** Largest upload in one call; null: no ceiling of its own. */
  readonly maxUploadBytes: number | null;
}

/** What is wanted from one attempt. */
export interface ProviderAsk {
  readonly audio: Audio;
  /** Card id of the model that this attempt uses. */
  readonly modelId: string;
  readonly task: 'transcribe' | 'translate';
  /** null: find out. */
  readonly language: LanguageTag | null;
  readonly prompt: string | null;
  /** 0..1; null: the provider's own default. */
  readonly temperature: number | null;
  /** Word times and confidences are wanted. */
  readonly wantWords: boolean;
  readonly wantLogprobs: boolean;
}

/** The surroundings of one attempt. */
export interface Call {
  /** Aborted when the caller leaves or the deadline passes; the provider stops all work at once. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Called with finished segments in time order, when the provider has them before the end. */
  readonly onEvent?: (event: TranscriptEvent) => void;
}

export interface ProviderAnswer {
  readonly transcript: Transcript;
  readonly usage: Usage;
  /** Length of the recording as the vendor counted it, in milliseconds, to be compared with ours; left out or null: it did not say. */
  readonly vendorDurationMs?: number | null;
  /** Asked for, not delivered; never silently dropped. */
  readonly unmet: readonly Feature[];
}

/** A speech service as we see it. Holds nothing about any one request and never retries. */
export interface Provider {
  readonly id: string;
  /** The models that can be used now. */
  models(): readonly ModelCard[];
  /** Resolves with an answer or rejects with GatewayError; nothing else escapes. */
  transcribe(ask: ProviderAsk, call: Call): Promise<ProviderAnswer>;
  /**
   * Asks the vendor for something that costs nothing and needs the key: rejects as `transcribe` does, with
   * `provider_key_refused` where the key is of no use. Present where the vendor has such a question.
   */
  checkKey?(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
