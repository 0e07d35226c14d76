import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { type Log, silentLog } from '../../core/log.ts';
import type { BucketAsk, CountersAsk, Verdict } from '../counters.ts';
import type { Admission, Bounds, LimitedCaller } from '../limiter.ts';
import { createMemoryCounters } from '../memory-counters.ts';
import { createInsuredCounters } from './insured-counters.ts';
import { openSharedLimiter } from './open-limiter.ts';
import { createRedisCounters, leaseMs } from './redis-counters.ts';

const url = process.env.FLUXSCRIBE_TEST_REDIS_URL || null;
const startMs = 1_763_740_000_123;

function callerOf(bounds: Partial<Bounds>): LimitedCaller {
  const free = { requestsPerMinute: null, audioSecondsPerMinute: null, maxConcurrent: null, maxLiveStreams: null };
  return { keyId: 'k1', key: free, account: { id: 'a1', bounds: { ...free, ...bounds } } };
}

describe('limits in Redis', { skip: url === null ? 'FLUXSCRIBE_TEST_REDIS_URL is not set' : false }, () => {
  const time = { nowMs: startMs };
  const clock = { nowMs: () => time.nowMs };
  const prefix = `test-${randomBytes(6).toString('hex')}:`;
  let redis: Redis;
  before(() => {
    redis = new Redis(url!);
  });
  after(async () => {
    const left = await redis.keys(`${prefix}*`);
    if (left.length > 0) await redis.del(...left);
    redis.disconnect();
  });
  const failures: unknown[] = [];
  const openCounters = (name: string) =>
    createRedisCounters({ redis, prefix: `${prefix}${name}:`, clock, onFailure: (thrown) => failures.push(thrown) });
  const openLimiter = (name: string, log: Log = silentLog) =>
    openSharedLimiter({ url: url!, prefix: `${prefix}${name}:`, commandTimeoutMs: 2_000, log, clock });

  it('comes to the same verdicts as the memory, step by step', async () => {
    const shared = openCounters('same');
    const memory = createMemoryCounters(clock);
    const random = mulberry(7);
    const held: Verdict[][] = [];
    for (let step = 0; step < 400; step++) {
      time.nowMs += Math.floor(random() * 4_000) - 200;
      const bucket = (id: string, perMinute: number): BucketAsk => {
        const units = Math.floor(random() * 200_000) * 60;
        return { id, perMinute, needUnits: units, costUnits: random() < 0.2 ? 0 : units };
      };
      const ask: CountersAsk = {
        owner: 'a1',
        buckets: [bucket('seven', 7), bucket('many', 977)],
        places: random() < 0.5 ? [{ id: 'places', max: 3 }] : [],
      };
      const verdicts = [memory.take(ask), await shared.take(ask)];
      const [left, right] = verdicts.map(({ isAllowed, levels, taken }) => ({ isAllowed, levels, taken }));
      assert.deepEqual(right, left, `step ${step}`);
      if (verdicts[0]!.isAllowed) held.push(verdicts);
      if (held.length > 0 && random() < 0.6) for (const one of held.shift()!) one.release();
    }
    for (const one of held.flat()) one.release();
    await shared.close();
  });

  it('lets exactly as many through as there is room for, whichever of two replicas they ask, all at once', async () => {
    const replicas = await Promise.all([openLimiter('two'), openLimiter('two')]);
    const caller = callerOf({ requestsPerMinute: 20 });
    const admissions = await Promise.all(
      Array.from({ length: 200 }, (_, index) => replicas[index % 2]!.admit(caller, 'request')),
    );
    assert.equal(admissions.filter(({ permit }) => permit).length, 20);
    const refused = admissions.filter(({ refusal }) => refusal);
    assert.ok(refused.every(({ refusal }) => refusal?.retryAfterSeconds === 3));
    await Promise.all(replicas.map((one) => one.close()));
  });

  it('frees the places of a replica that closed at once, and of one that died when its leases end', async () => {
    const caller = callerOf({ maxConcurrent: 2 });
    const living = await openLimiter('died');
    const closed = await openLimiter('died');
    assert.ok((await closed.admit(caller, 'request')).permit);
    await closed.close();
    // A dead one renews nothing and gives nothing back: so does one that has been forgotten without closing.
    const dead = openCounters('died');
    const ask: CountersAsk = { owner: 'a1', buckets: [], places: [{ id: 'account:a1:request', max: 2 }] };
    for (let count = 0; count < 2; count++) assert.ok((await dead.take(ask)).isAllowed);
    assert.ok((await living.admit(caller, 'request')).refusal);
    time.nowMs += leaseMs - 1;
    assert.ok((await living.admit(caller, 'request')).refusal);
    time.nowMs += 1;
    assert.ok((await living.admit(caller, 'request')).permit);
    await dead.close();
    await living.close();
  });

  it('goes on when Redis has forgotten the script and everything else', async () => {
    const counters = openCounters('flushed');
    const ask: CountersAsk = { owner: 'a1', buckets: [], places: [{ id: 'p', max: 1 }] };
    assert.ok((await counters.take(ask)).isAllowed);
    await redis.script('FLUSH');
    await redis.del(`${prefix}flushed:{a1}:p`);
    assert.ok((await counters.take(ask)).isAllowed);
    await counters.close();
  });

  it('keeps nothing in Redis for longer than it matters', async () => {
    const limiter = await openLimiter('expiry');
    const { permit } = await limiter.admit(callerOf({ requestsPerMinute: 60, maxConcurrent: 5 }), 'request');
    assert.ok(permit);
    const names = await redis.keys(`${prefix}expiry:*`);
    assert.deepEqual(names.map((name) => name.slice(prefix.length)).sort(), [
      'expiry:{a1}:account:a1:request',
      'expiry:{a1}:account:a1:requests',
    ]);
    for (const name of names) {
      const leftMs = await redis.pttl(name);
      assert.ok(leftMs > 0 && leftMs <= 2 * leaseMs, `${name}: ${leftMs}`);
    }
    await limiter.close();
    assert.equal(await redis.exists(`${prefix}expiry:{a1}:account:a1:request`), 0);
  });

  it('reports nothing that went wrong in all of this', () => assert.deepEqual(failures, []));
});

describe('insured limits', () => {
  const ask: CountersAsk = {
    owner: 'a',
    buckets: [{ id: 'r', perMinute: 2, needUnits: 60_000, costUnits: 60_000 }],
    places: [],
  };

  it('are counted by the process while Redis fails, asked again after a rest, and shared again when it answers', async () => {
    const time = { nowMs: startMs };
    const clock = { nowMs: () => time.nowMs };
    const changes: boolean[] = [];
    let asked = 0;
    let works = false;
    const counters = createInsuredCounters({
      shared: {
        async take() {
          asked++;
          if (!works) throw new Error('Command timed out');
          return { isAllowed: true, levels: [1], taken: [], release() {} };
        },
        async close() {},
      },
      insurance: createMemoryCounters(clock),
      clock,
      isReachable: () => true,
      onChange: (isShared) => changes.push(isShared),
    });
    assert.equal((await counters.take(ask)).isAllowed, true);
    assert.equal((await counters.take(ask)).isAllowed, true);
    assert.equal((await counters.take(ask)).isAllowed, false, 'the process keeps the limit');
    assert.equal(asked, 1, 'and does not make each request wait for what fails');
    works = true;
    time.nowMs += 2_000;
    assert.equal((await counters.take(ask)).isAllowed, true);
    assert.deepEqual(changes, [false, true]);
  });

  it('answer at once while there is no connection, and start without one', async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields: object, message: string) => void warnings.push(message) };
    // Nothing listens on the port of the discard service.
    const limiter = await openSharedLimiter({
      url: 'redis://user:hunter2@127.0.0.1:9',
      prefix: 'x:',
      commandTimeoutMs: 500,
      log,
    });
    const bounded = callerOf({ requestsPerMinute: 1, maxConcurrent: 1 });
    const first = atOnce(limiter.admit(bounded, 'request'));
    assert.ok(first.permit);
    assert.ok(atOnce(limiter.admit(bounded, 'request')).refusal);
    first.permit.release();
    await limiter.close();
    assert.deepEqual(warnings, [
      'Redis cannot be reached',
      'limits are counted by this process alone: Redis does not answer',
    ]);
  });
});

function atOnce(admission: Admission | Promise<Admission>): Admission {
  assert.ok(!(admission instanceof Promise));
  return admission;
}

/** Numbers from 0 to 1 that are the same in each run. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
