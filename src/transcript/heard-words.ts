import type { Segment, TokenLogprob, Word } from './transcript.ts';

/** A word as a recogniser wrote it, with the tokens that it is made of. */
export interface HeardWord {
  readonly text: string;
  /** From the start of the recording; null when times were not asked for. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly tokens: readonly { readonly id: number; readonly bytes: Uint8Array; readonly logprob: number }[];
}

/** Words that were heard in one stretch of sound. */
export interface HeardStretch {
  readonly words: readonly HeardWord[];
  /** Where speech begins and ends in it, from the start of the recording. */
  readonly startMs: number;
  readonly endMs: number;
  /** Mean probability of speech in it, 0..1. */
  readonly speechProbability: number;
}

export interface AssembledStretch {
  readonly segments: readonly Segment[];
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
  if (stretch.words.length === 0) return { segments: [], words: [], tokens: [] };
  const tokens = stretch.words.flatMap((word) => word.tokens.map(toTokenLogprob));
  const noSpeechProbability = 1 - stretch.speechProbability;
  const words: Word[] = [];
  let lastMs = notBeforeMs;
  for (const word of stretch.words) {
    if (word.startMs === null || word.endMs === null) {
      const startMs = Math.max(notBeforeMs, stretch.startMs);
      const endMs = Math.max(startMs, stretch.endMs);
      return { segments: [toSegment(stretch.words, startMs, endMs, noSpeechProbability)], words: null, tokens };
    }
    const startMs = Math.max(lastMs, Math.round(word.startMs));
    // At least a millisecond, so that the next word begins later than this one.
    const endMs = Math.max(startMs + 1, Math.round(word.endMs));
    words.push({ text: word.text, startMs, endMs, speaker: null, confidence: confidenceOf(word) });
    lastMs = endMs;
  }
  const segments: Segment[] = [];
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
    segments.push(toSegment(members, words[first]!.startMs, word.endMs, noSpeechProbability));
    first = index + 1;
  }
  return { segments, words, tokens };
}

function toSegment(words: readonly HeardWord[], startMs: number, endMs: number, noSpeechProbability: number): Segment {
  const logprobs = words.flatMap((word) => word.tokens.map((token) => token.logprob));
  const avgLogprob = logprobs.length === 0 ? null : logprobs.reduce((sum, one) => sum + one, 0) / logprobs.length;
  return {
    text: words.map((word) => word.text).join(' '),
    startMs: Math.round(startMs),
    endMs: Math.round(endMs),
    speaker: null,
    confidence: avgLogprob === null ? null : Math.exp(avgLogprob),
    avgLogprob,
    noSpeechProbability,
    tokens: words.flatMap((word) => word.tokens.map((token) => token.id)),
  };
}

/** The model's probability of the whole word: the product over its tokens. */
function confidenceOf(word: HeardWord): number | null {
  if (word.tokens.length === 0) return null;
  return Math.exp(word.tokens.reduce((sum, token) => sum + token.logprob, 0));
}

function toTokenLogprob(token: HeardWord['tokens'][number]): TokenLogprob {
  return { token: Buffer.from(token.bytes).toString('utf8'), logprob: token.logprob, bytes: [...token.bytes] };
}
