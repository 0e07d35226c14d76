import type { Span, Transcript } from '../transcript/transcript.ts';

/**
 * Mean probability (0..1) that the words are right, weighted by their length in time: by words, else by segments. null:
 * the model says nothing about it.
 */
export function meanConfidence({ words, segments }: Transcript): number | null {
  return weightedMean(words ?? []) ?? weightedMean(segments);
}

function weightedMean(spans: readonly Span[]): number | null {
  let weights = 0;
  let sum = 0;
  for (const { startMs, endMs, confidence } of spans) {
    if (confidence === null) continue;
    const weight = Math.max(1, endMs - startMs);
    weights += weight;
    sum += weight * confidence;
  }
  return weights === 0 ? null : sum / weights;
}
