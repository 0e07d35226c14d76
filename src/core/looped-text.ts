import { deflateSync } from 'node:zlib';

/** Ratio of text to its compressed size above which it repeats itself; Whisper's own limit for its pieces of 30 s. */
const LOOP_RATIO = 2.4;
/** Long texts are compressed in pieces of about what is said in a minute: an hour of plain English reaches 2.6 by itself. */
const PIECE_CHARACTERS = 1_000;
/** So many equal stretches of words in a row are a loop: people say a word up to five or six times, phrases less often. */
const REPEATED_WORDS = 9;
const REPEATED_PHRASES = 5;
const LONGEST_PHRASE_WORDS = 8;
/**
 * Words of which at least this share is different do not compress like a loop, so they are not compressed at all: that
 * costs more than all the rest. Right texts of clips up to a minute have 0.58 to 1 (speech test set, 2026-11-21).
 */
const VARIED_SHARE = 0.6;

const unit =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu;

/** A phrase that is said again and again without anything between. */
export interface RepeatedRun {
  /** Words in the phrase. */
  readonly phraseWords: number;
  /** How often it is said; 1 in a text that repeats nothing. */
  readonly times: number;
  /** Which part of all words the run is, 0..1. */
  readonly share: number;
}

/** The text says the same again and again, as a decoder does that has lost the sound. */
export function isLoop(text: string): boolean {
  if (text === '') return false;
  const words = wordsOf(text);
  for (let size = 1; size <= LONGEST_PHRASE_WORDS; size++) {
    if (timesRepeated(words, size) >= (size === 1 ? REPEATED_WORDS : REPEATED_PHRASES)) return true;
  }
  if (words.length > 3 && new Set(words).size >= words.length * VARIED_SHARE) return false;
  return loopRatio(text) > LOOP_RATIO;
}

/** The phrase that is repeated most, measured in words; characters where there are no spaces. */
export function longestRun(text: string): RepeatedRun {
  const words = wordsOf(text);
  let longest = { phraseWords: 1, times: 1 };
  for (let size = 1; size <= LONGEST_PHRASE_WORDS; size++) {
    const times = timesRepeated(words, size);
    if (times > 1 && times * size > longest.times * longest.phraseWords) longest = { phraseWords: size, times };
  }
  return { ...longest, share: (longest.times * longest.phraseWords) / Math.max(1, words.length) };
}

/** How many times its compressed size the text is, where it repeats itself most. */
export function loopRatio(text: string): number {
  let highest = 0;
  for (let from = 0; from < text.length; from += PIECE_CHARACTERS) {
    // The last piece reaches back, so that a few words at the end are not judged by themselves.
    const begin = Math.max(0, Math.min(from, text.length - PIECE_CHARACTERS));
    const piece = text.slice(begin, begin + PIECE_CHARACTERS);
    highest = Math.max(highest, Buffer.byteLength(piece) / deflateSync(piece).length);
  }
  return highest;
}

/** Words in lower case; in scripts that are written without spaces, characters. */
function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(unit) ?? [];
}

function timesRepeated(words: readonly string[], size: number): number {
  let same = 0;
  let longest = 0;
  for (let index = size; index < words.length; index++) {
    same = words[index] === words[index - size] ? same + 1 : 0;
    if (same > longest) longest = same;
  }
  return Math.floor(longest / size) + 1;
}
