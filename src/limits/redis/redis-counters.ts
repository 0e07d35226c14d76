import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../../core/clock.ts';
import { newToken } from '../../core/ids.ts';
import type { Counters, CountersAsk, Verdict } from '../counters.ts';
import { renewScript, takeScript } from './take-script.ts';

/** A replica that died holds its places for at most this long. */
export const leaseMs = 30_000;
/** Three chances before a lease ends. */
const renewEveryMs = leaseMs / 3;

export interface RedisCountersOptions {
  readonly redis: Redis;
  /** Before every name; two deployments on one Redis need two. */
  readonly prefix: string;
  /** null: Redis's own clock, so that replicas whose clocks differ agree. */
  readonly clock: Clock | null;
  /** Told when places could not be renewed or given back: they come free when their lease ends. */
  readonly onFailure: (thrown: unknown) => void;
}

/** Limits that several processes share. `take` rejects when Redis does not answer. Ending the connection is its owner's. */
export function createRedisCounters({ redis, prefix, clock, onFailure }: RedisCountersOptions): Counters {
  const take = createScript(redis, takeScript);
  const renew = createScript(redis, renewScript);
  const time = () => (clock === null ? '' : String(Math.floor(clock.nowMs())));
  /** Names of the sets in which each lease of this process lies. */
  const leases = new Map<string, readonly string[]>();

  const timer = setInterval(() => {
    for (const [lease, names] of leases) {
      for (const name of names) renew([name], [time(), lease, leaseMs]).catch(onFailure);
    }
  }, renewEveryMs);
  timer.unref();

  function giveBack(lease: string): void {
    const names = leases.get(lease);
    if (!names?.length) return;
    leases.delete(lease);
    for (const name of names) redis.zrem(name, lease).catch(onFailure);
  }

  return {
    async take(ask) {
      // Braces: what is between them decides the node of a cluster.
      const named = (id: string) => `${prefix}{${ask.owner}}:${id}`;
      const lease = ask.places.length > 0 ? newToken() : '';
      const places = ask.places.map(({ id }) => named(id));
      let reply: unknown;
      try {
        reply = await take(
          [...ask.buckets.map(({ id }) => named(id)), ...places],
          [
            time(),
            ask.buckets.length,
            lease,
            leaseMs,
            ...ask.buckets.flatMap(({ perMinute, needUnits, costUnits }) => [perMinute, needUnits, costUnits]),
            ...ask.places.map(({ max }) => max),
          ],
        );
      } catch (thrown) {
        // It may have been done without our hearing of it.
        if (redis.status === 'ready') for (const name of places) redis.zrem(name, lease).catch(onFailure);
        throw thrown;
      }
      const verdict = readReply(reply, ask);
      if (verdict.isAllowed && places.length > 0) leases.set(lease, places);
      return { ...verdict, release: () => giveBack(lease) };
    },
    async close() {
      clearInterval(timer);
      for (const lease of [...leases.keys()]) giveBack(lease);
    },
  };
}

type RunScript = (names: readonly string[], values: readonly (string | number)[]) => Promise<unknown>;

/** Sends a script by its sum, and in full when Redis does not know it (any longer). */
function createScript(redis: Redis, script: string): RunScript {
  const sum = createHash('sha1').update(script).digest('hex');
  return async (names, values) => {
    try {
      return await redis.evalsha(sum, names.length, ...names, ...values);
    } catch (thrown) {
      // The first word of a Redis error is its code.
      if (!(thrown instanceof Error) || !thrown.message.startsWith('NOSCRIPT')) throw thrown;
      return await redis.eval(script, names.length, ...names, ...values);
    }
  };
}

function readReply(reply: unknown, { buckets, places }: CountersAsk): Omit<Verdict, 'release'> {
  const numbers = Array.isArray(reply) ? reply.map(Number) : [];
  if (numbers.length !== 1 + buckets.length + places.length || numbers.some((one) => !Number.isFinite(one))) {
    throw new Error('Redis answered with something else than the script does.');
  }
  const [allowed, ...rest] = numbers;
  return { isAllowed: allowed === 1, levels: rest.slice(0, buckets.length), taken: rest.slice(buckets.length) };
}
