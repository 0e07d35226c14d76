import type { DecodeAsk, SpeechModel } from '../speech-model.ts';
import type { BlockEvidence } from './block-choice.ts';
import { rarity } from './rarity.ts';
import { differing, mixedWords, type WordBlock } from './word-blocks.ts';

/** A model with the window that it has encoded and the words that it wrote down of it. */
export interface Witness<Encoded> {
  readonly model: SpeechModel<Encoded>;
  readonly window: Encoded;
  readonly ask: DecodeAsk;
  readonly words: readonly string[];
}

/**
 * Blocks of one window that are judged at most. A window of 25 s that differs in more places is noise or a failure of one
 * model; 9 were the most seen in English. Bounds the work of one window.
 */
export const MAX_BLOCKS = 24;

/**
 * What both models say of each differing block (general on the left, English on the right), in order: starting from the
 * text with all the English model's words, each block alone is turned to the general model's words and the whole is scored
 * again. The scores of one model are of one call, so that what the texts share is computed once.
 */
export async function blockEvidence<English, General>(
  english: Witness<English>,
  general: Witness<General>,
  blocks: readonly WordBlock[],
): Promise<BlockEvidence[]> {
  const questions = differing(blocks);
  if (questions.length === 0) return [];
  const generalGains = await gains(general, 'left');
  const englishGains = await gains(english, 'right');
  return questions.map((block, place) => {
    const generalWords = general.words.slice(block.leftFrom, block.leftTo);
    const englishWords = english.words.slice(block.rightFrom, block.rightTo);
    const comparable = generalWords.length > 0 && englishWords.length > 0;
    const { tokenizer } = general.model;
    return {
      generalGain: generalGains[place] ?? 0,
      englishGain: englishGains[place] ?? 0,
      moreWords: englishWords.length - generalWords.length,
      generalEmpty: generalWords.length === 0,
      englishEmpty: englishWords.length === 0,
      rarer: comparable ? rarity(englishWords, tokenizer) - rarity(generalWords, tokenizer) : 0,
    };
  });

  /** For each question, by how much the judge prefers the English model's words. Each reads its own writing. */
  async function gains<Encoded>(judge: Witness<Encoded>, writing: 'left' | 'right'): Promise<number[]> {
    const text = (turned: number) => {
      const takeRight = questions.map((_, place) => place !== turned);
      const words = mixedWords(blocks, general.words, english.words, takeRight, writing);
      return words.flatMap((word) => [...judge.model.tokenizer.encodeWord(word)]);
    };
    const texts = [-1, ...questions.keys()].map(text);
    const [start = 0, ...turned] = await judge.model.scores(judge.window, judge.ask, texts);
    return turned.map((score) => start - score);
  }
}
