import type { BlockWeights } from './block-choice.ts';
import type { GuardLimits } from './trusted-alone.ts';

/** Written by `npm run train:duo` on 2026-11-21 for Moonshine tiny and Whisper base; do not edit by hand. */

export const blockWeights: BlockWeights = {
  generalGain: 0.385,
  englishGain: 0.351,
  moreWords: -0.043,
  generalEmpty: 1.137,
  englishEmpty: -1.305,
  rarer: 0.873,
  bias: -0.299,
};

export const guardLimits: GuardLimits = { loopRatio: 2.4, leastShare: 0.6, leastLead: -0.05 };

/** Lowest token log-probability of the English model below which the general one is asked, too. */
export const escalateBelowLogprob = -0.8;
