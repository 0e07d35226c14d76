import type { Clock } from '../core/clock.ts';
import { type Bucket, hasRoom, levelAt } from './bucket.ts';
import type { Counters, CountersAsk, Verdict } from './counters.ts';

/** Buckets that have run dry are looked for whenever there are twice as many as after the last look, from this many on. */
const firstSweepAt = 1_024;

/** Bucket and the rate by which it drains, which says when it may be forgotten. */
interface KeptBucket extends Bucket {
  readonly perMinute: number;
}

export interface MemoryCounters extends Counters {
  take(ask: CountersAsk): Verdict;
  /** How many buckets and sets of places are kept. */
  readonly size: number;
}

/** The limits of one process. Everything happens at once, so nothing can come between asking and taking. */
export function createMemoryCounters(clock: Clock): MemoryCounters {
  const buckets = new Map<string, KeptBucket>();
  const places = new Map<string, number>();
  let sweepAt = firstSweepAt;

  function keep(id: string, bucket: KeptBucket): void {
    buckets.set(id, bucket);
    if (buckets.size < sweepAt) return;
    for (const [one, kept] of buckets) {
      if (levelAt(kept, kept.perMinute, bucket.atMs) === 0) buckets.delete(one);
    }
    sweepAt = Math.max(firstSweepAt, 2 * buckets.size);
  }

  function leave(id: string): void {
    const left = (places.get(id) ?? 0) - 1;
    if (left > 0) places.set(id, left);
    else places.delete(id);
  }

  return {
    take(ask) {
      const nowMs = Math.floor(clock.nowMs());
      const levels = ask.buckets.map(({ id, perMinute }) => levelAt(buckets.get(id), perMinute, nowMs));
      const taken = ask.places.map(({ id }) => places.get(id) ?? 0);
      const fits = ask.buckets.every(({ perMinute, needUnits }, index) =>
        hasRoom(levels[index]!, needUnits, perMinute),
      );
      const isAllowed = fits && ask.places.every(({ max }, index) => taken[index]! < max);
      if (!isAllowed) return { isAllowed, levels, taken, release() {} };
      for (const [index, { id, perMinute, costUnits }] of ask.buckets.entries()) {
        if (costUnits === 0) continue;
        levels[index]! += costUnits;
        const atMs = Math.max(nowMs, buckets.get(id)?.atMs ?? nowMs);
        keep(id, { level: levels[index]!, atMs, perMinute });
      }
      for (const [index, { id }] of ask.places.entries()) places.set(id, ++taken[index]!);
      let isReleased = false;
      return {
        isAllowed,
        levels,
        taken,
        release() {
          if (isReleased) return;
          isReleased = true;
          for (const { id } of ask.places) leave(id);
        },
      };
    },
    async close() {
      buckets.clear();
      places.clear();
    },
    get size() {
      return buckets.size + places.size;
    },
  };
}
