/** A stretch of speech, or a word in it, in milliseconds from the start of the sound. */
export interface SpokenStretch {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Times of words when nothing is known but where somebody speaks: each gets a share of the speech by its length. For
 * models that do not show where they listened. One entry a word, in order, never overlapping.
 */
export function spreadWords(words: readonly string[], stretches: readonly SpokenStretch[]): SpokenStretch[] {
  const letters = words.map((word) => Math.max(1, [...word].length));
  const allLetters = letters.reduce((sum, one) => sum + one, 0);
  const spokenMs = stretches.reduce((sum, one) => sum + one.endMs - one.startMs, 0);
  let before = 0;
  return letters.map((count) => {
    const startMs = momentAt((before / allLetters) * spokenMs, stretches, false);
    before += count;
    const endMs = momentAt((before / allLetters) * spokenMs, stretches, true);
    return { startMs: Math.round(startMs), endMs: Math.round(Math.max(startMs, endMs)) };
  });
}

/** The moment by which so much has been spoken; at a pause its beginning for an end, its end for a start. */
function momentAt(spokenMs: number, stretches: readonly SpokenStretch[], isEnd: boolean): number {
  let left = spokenMs;
  for (const { startMs, endMs } of stretches) {
    const length = endMs - startMs;
    if (left < length || (isEnd && left <= length)) return startMs + left;
    left -= length;
  }
  return stretches.at(-1)?.endMs ?? 0;
}
