/** How long a recording is, by everybody who looked: milliseconds, null where nobody did or it was nonsense. */
export interface KnownLengths {
  /** By its packets: what is billed. */
  readonly probedMs: number;
  readonly decodedMs: number | null;
  readonly vendorMs: number | null;
  /** Two of them are further apart than the tolerance, or a vendor's was no length at all. */
  readonly disagree: boolean;
}

/**
 * Vendors round to whole seconds, up or down, and decoders give or take a codec's delay. What is further apart than this
 * and than the share of the recording is somebody's mistake.
 */
const toleranceMs = 1_500;
const toleranceShare = 0.02;
const oneYearMs = 366 * 24 * 3600 * 1000;

/** `vendorMs` as the vendor gave it: whatever is no length is left out, and counts as disagreement. */
export function knownLengths(probedMs: number, decodedMs: number | null, vendorMs: number | null): KnownLengths {
  const isNonsense = vendorMs !== null && !(Number.isFinite(vendorMs) && vendorMs >= 0 && vendorMs <= oneYearMs);
  const believedMs = vendorMs === null || isNonsense ? null : Math.round(vendorMs);
  const known = [probedMs, decodedMs, believedMs].filter((one) => one !== null);
  const spreadMs = Math.max(...known) - Math.min(...known);
  const disagree = isNonsense || spreadMs > Math.max(toleranceMs, toleranceShare * probedMs);
  return { probedMs, decodedMs, vendorMs: believedMs, disagree };
}
