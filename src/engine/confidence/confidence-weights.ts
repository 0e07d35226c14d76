/** Written by `npm run train:duo` on 2026-11-21; do not edit by hand. Weights in the order of the features, the bias last. */

export const confidenceWeights = {
  moonshine: [0.314, -0.062, -3.74, 0.392, 0.729, 1.059, 0.808, 4.753],
  whisper: [0.616, -0.923, -3.815, 0.536, 0.4, 0.668, 0.87, 4.942],
  agreed: [0.12, 0.679, -1.566, -1.53, 0.066, 0.589, 0.06, 0.263, 5.641],
  chosen: [0.359, 0.96, -0.277, 0.019, -0.677, 0.365, 1.154],
} as const;
