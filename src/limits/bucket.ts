/**
 * A leaky bucket in whole numbers, so that every replica and Redis come to the same result to the last unit. It fills with
 * what is taken and drains evenly: at `perMinute` a minute it holds one minute's worth, and there is no edge of a window at
 * which twice as much could pass.
 *
 * One unit is a 60,000th of what is counted (a request, a second of audio): a bucket then drains `perMinute` units in each
 * millisecond, and a millisecond of audio is 60 units.
 */
export const unitsPerCount = 60_000;

export interface Bucket {
  /** What is in it at `atMs`, in units. */
  readonly level: number;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** What is left in a bucket at a time. A clock that went back drains nothing. */
export function levelAt(bucket: Bucket | undefined, perMinute: number, nowMs: number): number {
  if (bucket === undefined) return 0;
  return Math.max(0, bucket.level - perMinute * Math.max(0, nowMs - bucket.atMs));
}

/** The most that a bucket holds. What is larger than that (a long recording) goes into an empty one and overfills it. */
export function capacityOf(perMinute: number): number {
  return perMinute * unitsPerCount;
}

/** Whether so much fits in now. Into a bucket of nothing nothing does. */
export function hasRoom(level: number, needUnits: number, perMinute: number): boolean {
  const capacity = capacityOf(perMinute);
  return capacity > 0 && level + Math.min(needUnits, capacity) <= capacity;
}

/** Milliseconds until `needUnits` fit in; 0: they do now. For a bucket of nothing a minute: somebody may change that. */
export function waitMsFor(level: number, needUnits: number, perMinute: number): number {
  if (perMinute === 0) return 60_000;
  const excess = level + Math.min(needUnits, capacityOf(perMinute)) - capacityOf(perMinute);
  return excess <= 0 ? 0 : Math.ceil(excess / perMinute);
}
