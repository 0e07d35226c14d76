/**
 * The one result type. Providers make it, rendering reads it, nothing else knows more about it.
 * All times are milliseconds from the start of the caller's audio, whatever it was cut into on the way.
 */

/** ISO-639-1 code in lower case, such as `en`. */
export type LanguageTag = string;

export interface Transcript {
  /** The whole text without leading or trailing space. '' is a good answer: nobody spoke. */
  readonly text: string;
  /** What is spoken most; null: the service did not say, or nobody spoke. */
  readonly language: LanguageTag | null;
  /** Measured length of the caller's audio. */
  readonly durationMs: number;
  /** In time order, not overlapping for one speaker; empty when nobody spoke. */
  readonly segments: readonly Segment[];
  /** null: not asked for or not available; []: no speech. Starts never decrease and no word is longer than the audio. */
  readonly words: readonly Word[] | null;
  /** One entry a token, their text concatenating to `text` up to outer space. null: not asked for or not available. */
  readonly tokens: readonly TokenLogprob[] | null;
  /** Stretches where speech was detected but no text could be obtained; empty in a complete transcript. */
  readonly unheard: readonly Unheard[];
}

/** The languages that are spoken, the one of the whole transcript first, then by first appearance. */
export function languagesOf(transcript: Transcript): readonly LanguageTag[] {
  const all = [transcript.language, ...transcript.segments.map((segment) => segment.language)];
  return [...new Set(all.filter((one) => one !== null))];
}

export interface Span {
  /** Without outer space. */
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** null: speakers were not told apart. Otherwise `A`, `B`, … by first appearance, or a known speaker's name. */
  readonly speaker: string | null;
  /** Probability in 0..1 that the text is right, null when unknown; never an invented 1. */
  readonly confidence: number | null;
}

export type Word = Span;

export interface Segment extends Span {
  /** What is spoken in it; null when unknown. */
  readonly language: LanguageTag | null;
  /** Mean natural-log probability of the tokens, null when the model gave none. */
  readonly avgLogprob: number | null;
  /** Probability in 0..1 that there is no speech in the segment, null when unknown. */
  readonly noSpeechProbability: number | null;
  /** The model's own token ids; [] when unknown. */
  readonly tokens: readonly number[];
}

export interface TokenLogprob {
  readonly token: string;
  /** Natural logarithm of the probability. */
  readonly logprob: number;
  /** UTF-8 bytes of the token. */
  readonly bytes: readonly number[];
}

export interface Unheard {
  readonly startMs: number;
  readonly endMs: number;
}

/** What happens while a transcript is made, in order; `segment-final` texts concatenate to the final text. */
export type TranscriptEvent =
  | {
      readonly type: 'segment-final';
      readonly segment: Segment;
      readonly words: readonly Word[] | null;
      readonly tokens: readonly TokenLogprob[] | null;
    }
  | { readonly type: 'progress'; readonly processedMs: number; readonly durationMs: number };
