import type { AlignResult, RecogniseResult } from './protocol.ts';
import type { SpeechTask } from './speech-model.ts';

/** What is wanted of one window. */
export interface ListenAsk {
  readonly wantTimes: boolean;
  readonly task: SpeechTask;
  /** ISO-639-1; null: find out. */
  readonly language: string | null;
  /** What the recording spoke before this window, when `language` is null: another language needs clear evidence. */
  readonly languageHint: string | null;
}

/**
 * Who writes windows down in an engine process: one model, or several that share the work. Sound is mono float32 at
 * 16 kHz, at most a window long; `knownSpeech` is the speech probability of each 32 ms frame where it is known already.
 */
export interface Listener {
  recognise(
    pcm: Float32Array,
    knownSpeech: Float32Array | null,
    ask: ListenAsk,
    shouldStop: () => boolean,
  ): Promise<RecogniseResult>;
  /** Times and probabilities of known words; null when this listener cannot follow a text. */
  readonly align: AlignWords | null;
}

/** `language` is ISO-639-1; null: the model's own, or found out. */
export type AlignWords = (
  pcm: Float32Array,
  knownSpeech: Float32Array | null,
  words: readonly string[],
  language: string | null,
) => Promise<AlignResult>;
