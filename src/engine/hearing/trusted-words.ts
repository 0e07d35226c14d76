import { isStockPhrase, LONGEST_STOCK_WORDS } from '../../core/stock-phrases.ts';
import type { WordTimes } from '../align/align-tokens.ts';
import { remarkWords } from './annotations.ts';
import type { GroupedWords, WrittenWord } from './group-words.ts';
import type { Piece } from './hear-window.ts';

/**
 * Text over less speech than this is believed only when the model is sure of it: mean log-probability above Whisper's own
 * limit for its no-speech check. What is left of noise that deceived the detector ends here.
 */
const DOUBTFUL_SPEECH_MS = 800;
const DOUBTFUL_LOGPROB = -1;
/** Whisper's own rule: a text that it is unsure of, over sound that it takes for no speech, is none. */
const NO_SPEECH_PROBABILITY = 0.6;
/** A stock phrase is dropped where less than this share of its time is speech; over a whole window, below this length. */
const STOCK_SPEECH_SHARE = 0.2;
const STOCK_SPEECH_MS = 500;

/** Whether a piece's text is to be believed at all, over so much detected speech. */
export function isBelievable(piece: Piece<unknown>, speechMs: number): boolean {
  const { logprobs, noSpeechProbability } = piece;
  const mean = logprobs.length === 0 ? 0 : logprobs.reduce((sum, one) => sum + one, 0) / logprobs.length;
  if (mean > DOUBTFUL_LOGPROB) return true;
  return speechMs >= DOUBTFUL_SPEECH_MS && (noSpeechProbability ?? 0) <= NO_SPEECH_PROBABILITY;
}

/** The places of the words that nobody spoke: remarks about the sound. */
export function remarksIn({ words }: GroupedWords): ReadonlySet<number> {
  return remarkWords(words.map((one) => one.text));
}

/**
 * From which word on the text is one of Whisper's stock phrases: 0 when all of it is, null when it does not end with one.
 * Such an ending has to be compared with the sound before it is dropped.
 */
export function stockEnding(words: readonly WrittenWord[]): number | null {
  const least = Math.max(0, words.length - LONGEST_STOCK_WORDS);
  for (let from = least; from < words.length; from++) {
    // Only a sentence of its own: the last words of a spoken one may be the same.
    const startsSentence = from === 0 || /[.!?…。！？]["'”’)\]]*$/u.test(words[from - 1]?.text ?? '');
    const text = words.slice(from).map((one) => one.text);
    if (startsSentence && isStockPhrase(text.join(' '))) return from;
  }
  return null;
}

/** Whether (nearly) nobody speaks where these words are. `speechMsBetween` gives the speech between two moments. */
export function isOverSilence(
  times: readonly WordTimes[],
  speechMsBetween: (fromMs: number, toMs: number) => number,
): boolean {
  const fromMs = times[0]?.startMs ?? 0;
  const toMs = times.at(-1)?.endMs ?? 0;
  const speechMs = speechMsBetween(fromMs, toMs);
  return speechMs < STOCK_SPEECH_MS && speechMs <= (toMs - fromMs) * STOCK_SPEECH_SHARE;
}
