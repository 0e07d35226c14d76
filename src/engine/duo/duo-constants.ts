import type { BlockWeights } from './block-choice.ts';
import type { GuardLimits } from './trusted-alone.ts';

/** Written by `npm run train:duo` on 2026-11-21 for Moonshine tiny and Whisper base; do not edit by hand. */

export const blockWeights: BlockWeights = {
  generalGain: 0.324,
  englishGain: 0.315,
  moreWords: -0.08,
  generalEmpty: 1.135,
  englishEmpty: -1.302,
  rarer: 0.908,
  surerWords: 0.299,
  surerText: 0.209,
  bias: -0.065,
};

export const guardLimits: GuardLimits = { loopRatio: 2.4, leastShare: 0.6, leastLead: -0.05 };

/** Mean confidence of the English model's words below which the general model is asked, too. */
export const escalateBelowConfidence = 0.955;
