/**
 * How much sound may lie between what was sent and what the vendor says that it has heard, in milliseconds. Five seconds
 * keep a vendor busy over a slow line (at 200 ms there and back, twenty-five times real time) and are 160 kB.
 */
export const fluxAheadMs = 5_000;

/**
 * How long the sound that ends at `untilMs` has to wait before it may be sent, in milliseconds; 0: now. A stream is never
 * much ahead of what its vendor has heard, so that a slow one is not flooded, and never slower than real time, so that one
 * that says nothing over silence is still told everything.
 */
export function fluxWaitMs(untilMs: number, at: { readonly heardMs: number; readonly sinceStartMs: number }): number {
  if (untilMs <= at.heardMs + fluxAheadMs) return 0;
  return Math.max(0, Math.ceil(untilMs - fluxAheadMs - at.sinceStartMs));
}
