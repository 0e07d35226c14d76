import type { LanguageTag, Segment, TokenLogprob, Word } from './transcript.ts';

/** A word as a recogniser wrote it, with the tokens that it is made of. */
export interface HeardWord {
  readonly text: string;
  /** Follows the word before it without a space. */
  readonly glued: boolean;
  /** From the start of the recording; null when times were not asked for. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly tokens: readonly { readonly id: number; readonly bytes: Uint8Array; readonly logprob: number }[];
  /** Calibrated probability that the word is right; null when nothing is known. */
  readonly confidence: number | null;
}

/** Words that were heard in one stretch of sound. */
export interface HeardStretch {
  readonly words: readonly HeardWord[];
  /** Where speech begins and ends in it, from the start of the recording. */
  readonly startMs: number;
  readonly endMs: number;
  /** Mean probability of speech in it, 0..1; null when nobody has looked. */
  readonly speechProbability: number | null;
  /** What is spoken in it; null when unknown. */
  readonly language: LanguageTag | null;
}

export interface AssembledStretch {
  readonly segments: readonly Segment[];
  /** Number of words in each segment, also where words have no times. */
  readonly wordCounts: readonly number[];
  /** null when times were not asked for. */
  readonly words: readonly Word[] | null;
  readonly tokens: readonly TokenLogprob[];
}

/** A pause of this length ends a segment, whatever the punctuation says. */
const SEGMENT_PAUSE_MS = 1_000;
/** No segment is longer: subtitles and players want them short. Whisper's own are up to 30 s, mostly under 10. */
const LONGEST_SEGMENT_MS = 15_000;
const SENTENCE_END = /[.!?…。！？]["'”’)\]]*$/u;

/**
 * Segments, words and token log-probabilities of one stretch. With times, a segment ends with a sentence, at a pause of
 * one second or after 15 s; without, the stretch is one segment. No word begins before `notBeforeMs` (the end of the word
 * before it), so that starts rise strictly over the whole recording.
 */
export function assembleStretch(stretch: HeardStretch, notBeforeMs: number): AssembledStretch {
  if (stretch.words.length === 0) return { segments: [], wordCounts: [], words: [], tokens: [] };
  const tokens = stretch.words.flatMap((word) => word.tokens.map(toTokenLogprob));
  const words: Word[] = [];
  let lastMs = notBeforeMs;
  for (const word of stretch.words) {
    if (word.startMs === null || word.endMs === null) {
      const startMs = Math.max(notBeforeMs, stretch.startMs);
      const endMs = Math.max(startMs, stretch.endMs);
      return {
        segments: [toSegment(stretch, stretch.words, startMs, endMs)],
        wordCounts: [stretch.words.length],
        words: null,
        tokens,
      };
    }
    const startMs = Math.max(lastMs, Math.round(word.startMs));
    // At least a millisecond, so that the next word begins later than this one.
    const endMs = Math.max(startMs + 1, Math.round(word.endMs));
    words.push({ text: word.text, startMs, endMs, speaker: null, confidence: word.confidence });
    lastMs = endMs;
  }
  const segments: Segment[] = [];
  const wordCounts: number[] = [];
  let first = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const next = words[index + 1];
    const ends =
      !next ||
      SENTENCE_END.test(word.text) ||
      next.startMs - word.endMs >= SEGMENT_PAUSE_MS ||
      next.endMs - words[first]!.startMs > LONGEST_SEGMENT_MS;
    if (!ends) continue;
    const members = stretch.words.slice(first, index + 1);
    segments.push(toSegment(stretch, members, words[first]!.startMs, word.endMs));
    wordCounts.push(members.length);
    first = index + 1;
  }
  return { segments, wordCounts, words, tokens };
}

function toSegment(stretch: HeardStretch, words: readonly HeardWord[], startMs: number, endMs: number): Segment {
  const logprobs = words.flatMap((word) => word.tokens.map((token) => token.logprob));
  return {
    text: textOf(words),
    startMs: Math.round(startMs),
    endMs: Math.round(endMs),
    language: stretch.language,
    speaker: null,
    confidence: confidenceOf(words),
    avgLogprob: logprobs.length === 0 ? null : logprobs.reduce((sum, one) => sum + one, 0) / logprobs.length,
    noSpeechProbability: stretch.speechProbability === null ? null : 1 - stretch.speechProbability,
    tokens: words.flatMap((word) => word.tokens.map((token) => token.id)),
  };
}

function textOf(words: readonly HeardWord[]): string {
  return words.map((word, index) => (index === 0 || word.glued ? word.text : ` ${word.text}`)).join('');
}

/** The share of its words that are likely right. */
function confidenceOf(words: readonly HeardWord[]): number | null {
  const known = words.flatMap((word) => word.confidence ?? []);
  return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length;
}

function toTokenLogprob(token: HeardWord['tokens'][number]): TokenLogprob {
  return { token: Buffer.from(token.bytes).toString('utf8'), logprob: token.logprob, bytes: [...token.bytes] };
}
