import type { BlockWeights } from './block-choice.ts';
import type { GuardLimits } from './trusted-alone.ts';

/** Written by `npm run train:duo` on 2026-11-21 for Moonshine tiny and Whisper base; do not edit by hand. */

export const blockWeights: BlockWeights = {
  generalGain: 0.375,
  englishGain: 0.374,
  moreWords: -0.069,
  generalEmpty: 1.135,
  englishEmpty: -1.302,
  rarer: 0.892,
  bias: -0.14,
};

export const guardLimits: GuardLimits = { loopRatio: 2.4, leastShare: 0.6, leastLead: -0.05 };

/** Mean confidence of the English model's words below which the general model is asked, too. */
export const escalateBelowConfidence = 0.955;
