/** Written by `npm run train:duo` on 2026-11-21; do not edit by hand. Weights in the order of the features, the bias last. */

export const confidenceWeights = {
  moonshine: [0, 0, -1.5, 0, 0, 0, 0, 3.5],
  whisper: [0, 0, -1.5, 0, 0, 0, 0, 3.5],
  agreed: [0, 0, -1, -1, 0, 0, 0, 0, 5],
  chosen: [0.5, 0, 0, 0, 0, 0, 0],
} as const;
