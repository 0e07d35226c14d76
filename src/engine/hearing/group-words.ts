import type { HeardToken } from '../protocol.ts';
import type { Tokenizer } from '../speech-model.ts';

/** A word as its tokens spell it. */
export interface WrittenWord {
  /** Without outer space; never empty. */
  readonly text: string;
  /** Follows the word before it without a space. */
  readonly glued: boolean;
  readonly tokens: readonly HeardToken[];
}

/** Tokens in order with the number of the word that each belongs to; -1: to none, being nothing but space. */
export interface GroupedWords {
  readonly words: readonly WrittenWord[];
  readonly wordOfToken: readonly number[];
}

/** Scripts that are written without spaces between words. */
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u;
/**
 * What opens belongs to what follows; all other punctuation, combining marks, repeat and length marks and the Thai and Lao
 * vowel "am" (a letter to Unicode, but part of the syllable in front) to what is in front.
 */
const OPENING = /[\p{Ps}\p{Pi}¿¡]/u;
const ATTACHED = /[\p{P}\p{M}\p{Lm}\u0E33\u0EB3]/u;

/**
 * Tokens by word. Where there are spaces, they part words. In scripts without, each token is a word, as in OpenAI's word
 * times: a token is the least that has a time. Characters that are split over tokens stay whole, and punctuation stays
 * with its word.
 */
export function groupWords(tokenizer: Tokenizer, ids: readonly number[], logprobs: readonly number[]): GroupedWords {
  const groups: { text: string; glued: boolean; tokens: HeardToken[] }[] = [];
  for (const unit of wholeCharacters(tokenizer, ids, logprobs)) {
    const raw = textOf(unit);
    const text = raw.trim();
    const last = groups.at(-1);
    const joins = last !== undefined && !/^\s/.test(raw) && belongsTo(last.text, text);
    if (last && (joins || (last.text === '' && !/^\s/.test(raw)))) {
      last.tokens.push(...unit);
      last.text = textOf(last.tokens).trim();
    } else {
      groups.push({ text, glued: last !== undefined && last.text !== '' && !/^\s/.test(raw), tokens: unit });
    }
  }
  const words: WrittenWord[] = [];
  const wordOfToken: number[] = [];
  for (const group of groups) {
    const place = group.text === '' ? -1 : words.length;
    if (place >= 0) words.push(group);
    for (let count = 0; count < group.tokens.length; count++) wordOfToken.push(place);
  }
  return { words, wordOfToken };
}

/** Whether a word that ends a text without a space behind it is written without one. */
export function isUnspacedBetween(left: string, right: string): boolean {
  return UNSPACED.test([...left].at(-1) ?? '') && UNSPACED.test([...right][0] ?? '');
}

/** Whether text that follows a word without a space is part of it. */
function belongsTo(word: string, text: string): boolean {
  const left = [...word].at(-1) ?? '';
  const right = [...text][0] ?? '';
  if (right === '' || OPENING.test(left)) return true;
  if (ATTACHED.test(right) && !(OPENING.test(right) && UNSPACED.test(left))) return true;
  return !UNSPACED.test(left) && !UNSPACED.test(right);
}

/** Tokens put together until no character is cut: bytes of one character may lie in two or three tokens. */
function* wholeCharacters(
  tokenizer: Tokenizer,
  ids: readonly number[],
  logprobs: readonly number[],
): Generator<HeardToken[]> {
  let unit: HeardToken[] = [];
  let missing = 0;
  for (const [index, id] of ids.entries()) {
    const bytes = tokenizer.bytes(id);
    // A character that is never finished ends where the next one begins.
    if (unit.length > 0 && (missing === 0 || !isContinuation(bytes[0]))) {
      yield unit;
      unit = [];
      missing = 0;
    }
    unit.push({ id, bytes, logprob: logprobs[index] ?? 0 });
    for (const byte of bytes) missing = isContinuation(byte) ? Math.max(0, missing - 1) : continuationsOf(byte);
  }
  if (unit.length > 0) yield unit;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** How many bytes of UTF-8 follow the first byte of a character. */
function continuationsOf(first: number): number {
  if (first >= 0xf0) return 3;
  if (first >= 0xe0) return 2;
  return first >= 0xc0 ? 1 : 0;
}

function textOf(tokens: readonly HeardToken[]): string {
  return Buffer.concat(tokens.map((one) => one.bytes)).toString('utf8');
}
