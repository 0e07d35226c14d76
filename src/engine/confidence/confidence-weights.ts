/** Written by `npm run train:duo` on 2026-11-21; do not edit by hand. Weights in the order of the features, the bias last. */

export const confidenceWeights = {
  moonshine: [0.314, -0.062, -3.74, 0.392, 0.729, 1.059, 0.808, 4.753],
  whisper: [0.616, -0.923, -3.815, 0.536, 0.4, 0.668, 0.87, 4.942],
  agreed: [0.099, 0.575, -1.633, -1.592, 0.021, 0.552, -0.055, 0.196, 5.605],
  chosen: [0.357, 1.063, -0.388, 0.057, -0.546, 0.397, 1.233],
} as const;
