import { deflateSync } from 'node:zlib';
import { textConfidence } from '../confidence/text-confidence.ts';

/** What one model wrote down of a window. */
export interface HeardText {
  readonly words: readonly string[];
  /** Probability that each word is right, 0..1. */
  readonly confidences: readonly number[];
}

export interface GuardLimits {
  /** Ratio of text to its compressed size above which it repeats itself. */
  readonly loopRatio: number;
  /** A text with less than this share of the other's words has lost some. */
  readonly leastShare: number;
  /** Confidence of the English model's text less that of the general one's, below which the latter is right alone. */
  readonly leastLead: number;
}

/**
 * The model whose text is to be taken as it is, because the other one's cannot be compared with: it loops, it fell silent,
 * or (the English one only, which is the worse in noise) it is clearly less sure. null: combine them.
 */
export function trustedAlone(
  english: HeardText,
  general: HeardText,
  limits: GuardLimits,
): 'english' | 'general' | null {
  const [more, fewer] = [english.words.length, general.words.length];
  if (fewer > more && repetition(general.words) > limits.loopRatio) return 'english';
  if (more > fewer && repetition(english.words) > limits.loopRatio) return 'general';
  if (more < limits.leastShare * fewer) return 'general';
  if (fewer < limits.leastShare * more) return 'english';
  const lead = textConfidence(english.confidences) - textConfidence(general.confidences);
  return lead < limits.leastLead ? 'general' : null;
}

/** Bytes of a text over its bytes when compressed: above 2.4 it is hardly language. 0 for none. */
export function repetition(words: readonly string[]): number {
  const text = Buffer.from(words.join(' '));
  return text.length / deflateSync(text).length;
}
