import type { Redis } from 'ioredis';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { createLimiter, type Limiter } from '../limiter.ts';
import { createMemoryCounters } from '../memory-counters.ts';
import { createInsuredCounters } from './insured-counters.ts';
import { openRedis } from './open-redis.ts';
import { createRedisCounters } from './redis-counters.ts';

export interface SharedLimiterOptions {
  readonly url: string;
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  readonly log: Log;
  /** Left out: Redis's own, and this process's while Redis is away. */
  readonly clock?: Clock;
}

/** A server does not wait longer than this for Redis before it serves. */
const startWaitMs = 2_000;

/**
 * Limits that all processes with the same Redis and prefix share; while it is away, each of them counts for itself. Resolves
 * once Redis is there, or when it is clear that it is not: never rejects.
 */
export async function openSharedLimiter(options: SharedLimiterOptions): Promise<Limiter> {
  const { url, prefix, commandTimeoutMs, log, clock } = options;
  const redis = openRedis({ url, commandTimeoutMs, log });
  await settled(redis);
  let isLeaseFailureTold = false;
  const shared = createRedisCounters({
    redis,
    prefix,
    clock: clock ?? null,
    onFailure() {
      if (isLeaseFailureTold) return;
      isLeaseFailureTold = true;
      log.warn({}, 'a place could not be renewed or given back in Redis; it comes free by itself');
    },
  });
  const counters = createInsuredCounters({
    shared,
    insurance: createMemoryCounters(clock ?? systemClock),
    clock: clock ?? systemClock,
    isReachable: () => redis.status === 'ready',
    onChange(isShared) {
      if (isShared) {
        isLeaseFailureTold = false;
        log.info({}, 'limits are shared through Redis again');
      } else log.warn({}, 'limits are counted by this process alone: Redis does not answer');
    },
  });
  const limiter = createLimiter(counters);
  return {
    admit: (caller, kind) => limiter.admit(caller, kind),
    async close() {
      await limiter.close();
      // What is still being given back goes first.
      if (redis.status === 'ready') await redis.quit().catch(() => redis.disconnect());
      else redis.disconnect();
    },
  };
}

/** Resolves with the first word of a connection, good or bad. */
function settled(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      redis.off('ready', done);
      redis.off('error', done);
      resolve();
    };
    const timer = setTimeout(done, startWaitMs);
    redis.once('ready', done);
    redis.once('error', done);
  });
}
