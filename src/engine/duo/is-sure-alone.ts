/** When the English model's text is taken without asking the general one. */
export interface EscalationLimits {
  /** Least confidence of the text, 0..1. */
  readonly leastConfidence: number;
  /** The same for sound whose upper band is flat, in which the English model is surer than it is right. */
  readonly leastFlatConfidence: number;
  /** Range of the band above the telephone's below which it counts as flat, in decibels. */
  readonly flatBelowDb: number;
}

/**
 * Whether the English model may be trusted alone with a window, by how sure it is of its text and by how the sound
 * came here: `highBandRangeDb` (see high-band-range.ts) is asked for only where it matters.
 */
export function isSureAlone(sureness: number, highBandRangeDb: () => number, limits: EscalationLimits): boolean {
  if (sureness < limits.leastConfidence) return false;
  return sureness >= limits.leastFlatConfidence || highBandRangeDb() >= limits.flatBelowDb;
}
