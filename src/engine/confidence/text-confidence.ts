/** Word confidence is kept to three decimals and off the ends (calibrate-words.ts): less than this is no more certain. */
const LEAST = 0.001;

/**
 * How sure a whole text is, 0..1, of the confidence of its words: their geometric mean, in which one word that is hardly
 * right weighs more than in the plain mean, and less than in the lowest or the product. 0 for no words. Of all measures
 * tried it is the one by which fewest errors stay when the surest texts are kept (`npm run train:duo`, 2026-11-21).
 */
export function textConfidence(confidences: readonly number[]): number {
  if (confidences.length === 0) return 0;
  const logs = confidences.reduce((sum, one) => sum + Math.log(Math.max(LEAST, one)), 0);
  return Math.exp(logs / confidences.length);
}
