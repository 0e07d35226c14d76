import type { BlockWeights } from './block-choice.ts';
import type { EscalationLimits } from './is-sure-alone.ts';
import type { GuardLimits } from './trusted-alone.ts';

/** Written by `npm run train:duo` on 2026-11-21 for Moonshine tiny and Whisper base; do not edit by hand. */

export const blockWeights: BlockWeights = {
  generalGain: 0.362,
  englishGain: 0.291,
  moreWords: -0.064,
  generalEmpty: 1.136,
  englishEmpty: -1.302,
  rarer: 0.875,
  surerWords: 0.316,
  surerText: 0.21,
  bias: -0.011,
};

export const guardLimits: GuardLimits = { loopRatio: 2.4, leastShare: 0.6, leastLead: -0.1 };

export const escalationLimits: EscalationLimits = {
  leastConfidence: 0.955,
  leastFlatConfidence: 0.975,
  flatBelowDb: 22,
};
