import type { Tokenizer } from '../speech-model.ts';

/** Byte pairs are numbered in the order in which they were learnt: Whisper's highest word ids are near 50,000. */
const HIGHEST_ID_LOG10 = 4.7;

/**
 * How rare the rarest of the words is, by the general model's tokens: how many a word takes beyond the first, and the
 * highest number among them. 0 for no words. Two recognisers that disagree both lean to common words, so the rarer one was
 * more likely really said.
 */
export function rarity(words: readonly string[], tokenizer: Tokenizer): number {
  return Math.max(0, ...words.map((word) => rarityOf(word, tokenizer)));
}

function rarityOf(word: string, tokenizer: Tokenizer): number {
  const plain = word
    .replaceAll('\u2019', "'")
    .replaceAll(/[^\p{L}\p{N}'-]/gu, '')
    .replaceAll(/^['-]+|['-]+$/g, '');
  if (plain === '') return 0;
  const lower = tokenizer.encodeWord(plain.toLowerCase());
  // Names are in the vocabulary with a capital only.
  const asWritten = /^\p{Lu}/u.test(plain) ? tokenizer.encodeWord(plain) : lower;
  const ids = asWritten.length < lower.length ? asWritten : lower;
  return ids.length - 1 + Math.log10(Math.max(1, ...ids)) / HIGHEST_ID_LOG10;
}
