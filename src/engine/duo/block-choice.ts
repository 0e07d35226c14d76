import type { BlockSureness } from './block-sureness.ts';

/** What speaks for the English model's words and against the general one's where the two differ. */
export interface BlockEvidence {
  /** By how much the general model finds the text likelier with the English model's words, in natural logs. */
  readonly generalGain: number;
  /** By how much the English model does. */
  readonly englishGain: number;
  /** Words of the English model less words of the general one. */
  readonly moreWords: number;
  readonly generalEmpty: boolean;
  readonly englishEmpty: boolean;
  /** Rarity of the English model's words less that of the other's; 0 where one side is empty. */
  readonly rarer: number;
}

export interface BlockWeights {
  readonly generalGain: number;
  readonly englishGain: number;
  readonly moreWords: number;
  readonly generalEmpty: number;
  readonly englishEmpty: number;
  readonly rarer: number;
  readonly surerWords: number;
  readonly surerText: number;
  readonly bias: number;
}

/** One long invented stretch would else outweigh everything. */
export const GAIN_LIMIT = 8;
export const RARER_LIMIT = 2.5;

/** Log-odds that the English model's words are the better ones. */
export function blockLogOdds(evidence: BlockEvidence, sureness: BlockSureness, weights: BlockWeights): number {
  return (
    weights.generalGain * clip(evidence.generalGain, GAIN_LIMIT) +
    weights.englishGain * clip(evidence.englishGain, GAIN_LIMIT) +
    weights.moreWords * evidence.moreWords +
    (evidence.generalEmpty ? weights.generalEmpty : 0) +
    (evidence.englishEmpty ? weights.englishEmpty : 0) +
    weights.rarer * clip(evidence.rarer, RARER_LIMIT) +
    weights.surerWords * sureness.surerWords +
    weights.surerText * sureness.surerText +
    weights.bias
  );
}

function clip(value: number, limit: number): number {
  return Math.max(-limit, Math.min(limit, value));
}
