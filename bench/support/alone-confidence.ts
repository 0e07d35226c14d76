import { textConfidence } from '../../src/engine/confidence/text-confidence.ts';
import { aloneFeatures, type WordSigns, wordSigns } from '../../src/engine/confidence/word-features.ts';
import type { HeardWord } from '../../src/engine/protocol.ts';
import type { Observation, ObservedText } from './duo-observation.ts';
import { dot, logistic } from './logistic-fit.ts';

/** The ways in which a word came to be written; each has its own weights. */
export const CONFIDENCE_KINDS = ['moonshine', 'whisper', 'agreed', 'chosen'] as const;
export type ConfidenceKind = (typeof CONFIDENCE_KINDS)[number];

/** A list for each kind, in the order of its features, the bias last. */
export type ConfidenceWeights = Readonly<Record<ConfidenceKind, readonly number[]>>;

/** Probability that each word of a text is right, when its model is looked at alone. */
export function confidencesOf(text: ObservedText, weights: readonly number[]): number[] {
  return signsOf(text).map((signs) => confidenceOf(aloneFeatures(signs), weights));
}

/** How sure the English model's text is, as the engine tells it. */
export function englishConfidence(clip: Observation, weights: readonly number[]): number {
  return textConfidence(confidencesOf(clip.english, weights));
}

export function confidenceOf(features: readonly number[], weights: readonly number[]): number {
  return Math.min(0.999, Math.max(0.001, logistic(dot(weights, [...features, 1]))));
}

export function signsOf(text: ObservedText): WordSigns[] {
  return wordSigns(
    text.words.map((word): Pick<HeardWord, 'tokens'> => {
      return { tokens: word.logprobs.map((logprob) => ({ id: 0, bytes: new Uint8Array(), logprob })) };
    }),
  );
}
