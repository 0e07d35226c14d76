import type { Unheard } from '../../transcript/transcript.ts';

/** Encoder padding and rounding to whole seconds (AssemblyAI) stay below this. */
const toleranceMs = 2_000;
/** Clocks of containers disagree by less; a vendor that cut the recording short misses far more. */
const toleranceShare = 0.02;

/**
 * The end of the recording when the vendor says that it heard less of it than there is: some cut long audio and answer with
 * a confident text. Empty when it heard all, or does not say.
 */
export function unheardTail(heardMs: number | null, durationMs: number): readonly Unheard[] {
  if (heardMs === null || heardMs < 0) return [];
  const missingMs = durationMs - heardMs;
  return missingMs > Math.max(toleranceMs, durationMs * toleranceShare)
    ? [{ startMs: Math.round(heardMs), endMs: durationMs }]
    : [];
}
