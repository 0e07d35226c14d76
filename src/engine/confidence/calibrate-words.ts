import type { HeardWord } from '../protocol.ts';
import { confidenceWeights } from './confidence-weights.ts';
import {
  agreedFeatures,
  aloneFeatures,
  type ChosenSigns,
  chosenFeatures,
  type WordSigns,
  wordSigns,
} from './word-features.ts';

/** Models whose confidence was measured. Whisper's figures are of base; its other sizes are read the same way. */
export type ConfidenceKind = 'moonshine' | 'whisper';

/**
 * The words of one window with the probability that each is right. Measured on English; in other languages, which have
 * no references to measure with, a word's rank among the others is all that it says. Words without tokens get null.
 */
export function calibrateWords(words: readonly HeardWord[], kind: ConfidenceKind): HeardWord[] {
  const signs = wordSigns(words);
  return words.map((word, index) => ({
    ...word,
    confidence: word.tokens.length === 0 ? null : probability(aloneFeatures(signs[index]!), confidenceWeights[kind]),
  }));
}

/** Probability that a word is right which both models wrote. */
export function agreedConfidence(general: WordSigns, english: WordSigns): number {
  return probability(agreedFeatures(general, english), confidenceWeights.agreed);
}

/** Probability that a word is right which one model wrote where the other wrote something else or nothing. */
export function chosenConfidence(choice: ChosenSigns, signs: WordSigns): number {
  return probability(chosenFeatures(choice, signs), confidenceWeights.chosen);
}

/** Logistic, kept off the ends: nothing that is heard is certain. Three decimals, more would pretend. */
function probability(features: readonly number[], weights: readonly number[]): number {
  const odds = features.reduce(
    (sum, value, index) => sum + value * (weights[index] ?? 0),
    weights[features.length] ?? 0,
  );
  return Math.round(1000 * Math.min(0.999, Math.max(0.001, 1 / (1 + Math.exp(-odds))))) / 1000;
}
