import { textConfidence } from '../confidence/text-confidence.ts';
import { differing, type WordBlock } from './word-blocks.ts';

/** By how much the English model is surer of itself than the general one, in log-odds of word confidence. */
export interface BlockSureness {
  /** Of the word in the block that each is least sure of; 0 where one side has none. */
  readonly surerWords: number;
  /** Of all its words in the window. */
  readonly surerText: number;
}

/** Confidence is kept to three decimals and off the ends (calibrate-words.ts): more than this is no more certain. */
const SURENESS_LIMIT = 5;

/** Of each differing block (general on the left, English on the right), in order; confidences are in 0..1, one a word. */
export function blockSureness(
  english: readonly number[],
  general: readonly number[],
  blocks: readonly WordBlock[],
): BlockSureness[] {
  const surerText = clip(logOdds(textConfidence(english)) - logOdds(textConfidence(general)));
  return differing(blocks).map((block) => {
    const ofEnglish = english.slice(block.rightFrom, block.rightTo).map(logOdds);
    const ofGeneral = general.slice(block.leftFrom, block.leftTo).map(logOdds);
    const comparable = ofEnglish.length > 0 && ofGeneral.length > 0;
    return { surerWords: comparable ? clip(Math.min(...ofEnglish) - Math.min(...ofGeneral)) : 0, surerText };
  });
}

function logOdds(probability: number): number {
  const bounded = Math.min(0.999, Math.max(0.001, probability));
  return Math.log(bounded / (1 - bounded));
}

function clip(value: number): number {
  return Math.max(-SURENESS_LIMIT, Math.min(SURENESS_LIMIT, value));
}
