import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Admission, type Bounds, createLimiter, type LimitedCaller, type Limiter } from './limiter.ts';
import { createMemoryCounters } from './memory-counters.ts';

const startMs = 1_763_740_000_123;
const free: Bounds = {
  requestsPerMinute: null,
  audioSecondsPerMinute: null,
  maxConcurrent: null,
  maxLiveStreams: null,
};

function callerOf(key: Partial<Bounds>, account: Partial<Bounds> | null = null, keyId = 'k1'): LimitedCaller {
  return { keyId, key: { ...free, ...key }, account: account && { id: 'a1', bounds: { ...free, ...account } } };
}

function setUp() {
  const time = { nowMs: startMs };
  const counters = createMemoryCounters({ nowMs: () => time.nowMs });
  return { time, counters, limiter: createLimiter(counters) };
}

/** What a limiter in memory says at once. */
function now(admission: Admission | Promise<Admission>): Admission {
  assert.ok(!(admission instanceof Promise), 'memory never makes anybody wait');
  return admission;
}

function admitted(limiter: Limiter, caller: LimitedCaller, kind: 'request' | 'live' = 'request') {
  const { permit, refusal } = now(limiter.admit(caller, kind));
  assert.ok(permit, refusal?.message);
  return permit;
}

function refused(admission: Admission | Promise<Admission>) {
  const { refusal } = now(admission);
  assert.ok(refusal);
  assert.equal(refusal.code, 'rate_limit_exceeded');
  assert.equal(refusal.status, 429);
  return refusal;
}

describe('limiter', () => {
  it('lets a minute of requests in at once, and one more each time one has drained', () => {
    const { time, limiter } = setUp();
    const caller = callerOf({ requestsPerMinute: 7 });
    for (let count = 0; count < 7; count++) admitted(limiter, caller);
    const refusal = refused(limiter.admit(caller, 'request'));
    assert.equal(refusal.retryAfterSeconds, 9, '60 s for 7 are 8.58 s for one');
    assert.match(refusal.message, /this key may use 7 requests a minute\. Try again in 9 s/);
    time.nowMs += 8_571;
    refused(limiter.admit(caller, 'request'));
    time.nowMs += 1;
    admitted(limiter, caller);
    refused(limiter.admit(caller, 'request'));
  });

  it('tells what is left and when all of it is there again', () => {
    const { time, limiter } = setUp();
    const caller = callerOf({ requestsPerMinute: 60, audioSecondsPerMinute: 120 });
    const permit = admitted(limiter, caller);
    assert.deepEqual(permit.state, {
      requests: { limit: 60, remaining: 59, resetMs: 1_000 },
      audioSeconds: { limit: 120, remaining: 120, resetMs: 0 },
    });
    const { refusal, state } = now(permit.takeAudio(30_500));
    assert.equal(refusal, null);
    assert.deepEqual(state.audioSeconds, { limit: 120, remaining: 89, resetMs: 15_250 });
    assert.equal(state.requests?.remaining, 59, 'what was not asked about stays as it was');
    time.nowMs += 15_250;
    assert.equal(admitted(limiter, caller).state.audioSeconds?.remaining, 120);
  });

  it('holds keys of one account together to its limit, each to its own, and tells the smaller', () => {
    const { limiter } = setUp();
    const account = { requestsPerMinute: 5 };
    const small = callerOf({ requestsPerMinute: 2 }, account, 'small');
    const large = callerOf({ requestsPerMinute: 50 }, account, 'large');
    assert.deepEqual(admitted(limiter, small).state.requests, { limit: 2, remaining: 1, resetMs: 30_000 });
    admitted(limiter, small);
    assert.match(refused(limiter.admit(small, 'request')).message, /this key/);
    assert.deepEqual(admitted(limiter, large).state.requests, { limit: 5, remaining: 2, resetMs: 36_000 });
    admitted(limiter, large);
    admitted(limiter, large);
    assert.match(refused(limiter.admit(large, 'request')).message, /this account may use 5/);
  });

  it('takes nothing from anybody for a request that it refuses', () => {
    const { limiter } = setUp();
    const account = { requestsPerMinute: 3 };
    const small = callerOf({ requestsPerMinute: 1 }, account, 'small');
    admitted(limiter, small);
    for (let count = 0; count < 10; count++) refused(limiter.admit(small, 'request'));
    const other = callerOf({}, account, 'other');
    admitted(limiter, other);
    admitted(limiter, other);
    refused(limiter.admit(other, 'request'));
  });

  it('bounds what is in progress at one time, requests and live streams apart', () => {
    const { limiter } = setUp();
    const caller = callerOf({ maxConcurrent: 2 }, { maxConcurrent: 10, maxLiveStreams: 1 });
    const first = admitted(limiter, caller);
    admitted(limiter, caller);
    const refusal = refused(limiter.admit(caller, 'request'));
    assert.equal(refusal.retryAfterSeconds, 1);
    assert.match(refusal.message, /this key may have 2 in progress/);
    admitted(limiter, caller, 'live');
    assert.match(refused(limiter.admit(caller, 'live')).message, /this account may have 1 in progress/);
    first.release();
    first.release();
    admitted(limiter, caller);
    refused(limiter.admit(caller, 'request'));
  });

  it('takes a recording above the whole allowance when all of it is there, and lets it be paid back', () => {
    const { time, limiter } = setUp();
    const caller = callerOf({ audioSecondsPerMinute: 60 });
    const permit = admitted(limiter, caller);
    assert.equal(now(permit.takeAudio(300_000)).refusal, null);
    const refusal = refused(limiter.admit(caller, 'request'));
    assert.equal(refusal.retryAfterSeconds, 241, 'four minutes of debt, and a second of room');
    time.nowMs += 241_000;
    const next = admitted(limiter, caller);
    assert.equal(refused(next.takeAudio(300_000)).retryAfterSeconds, 59);
    time.nowMs += 59_000;
    assert.equal(now(next.takeAudio(300_000)).refusal, null);
  });

  it('refuses everything where a limit is nothing', () => {
    const { limiter } = setUp();
    refused(limiter.admit(callerOf({ requestsPerMinute: 0 }), 'request'));
    refused(limiter.admit(callerOf({ maxConcurrent: 0 }), 'request'));
    refused(limiter.admit(callerOf({}, { audioSecondsPerMinute: 0 }), 'request'));
  });

  it('asks nothing and counts nothing for a caller without limits', () => {
    const { counters, limiter } = setUp();
    const permit = admitted(limiter, callerOf({}, {}));
    assert.equal(now(permit.takeAudio(1e9)).refusal, null);
    permit.release();
    assert.deepEqual(permit.state, { requests: null, audioSeconds: null });
    assert.equal(counters.size, 0);
  });

  it('forgets callers who have been quiet, however many there were', () => {
    const { time, counters, limiter } = setUp();
    for (let count = 0; count < 20_000; count++) {
      time.nowMs += 60;
      admitted(limiter, callerOf({ requestsPerMinute: 1, maxConcurrent: 1 }, null, `k${count}`)).release();
    }
    assert.ok(counters.size < 4_100, `${counters.size} are kept`);
  });

  it('does not give more when the clock goes back', () => {
    const { time, limiter } = setUp();
    const caller = callerOf({ requestsPerMinute: 2 });
    admitted(limiter, caller);
    time.nowMs -= 3_600_000;
    admitted(limiter, caller);
    refused(limiter.admit(caller, 'request'));
    time.nowMs += 3_600_000;
    refused(limiter.admit(caller, 'request'));
  });

  it('never lets more through in any minute than twice a limit, nor more in the long run than the limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 400 }),
        (perMinute, pauses) => {
          const { time, limiter } = setUp();
          const caller = callerOf({ requestsPerMinute: perMinute });
          const passedAt: number[] = [];
          for (const pause of pauses) {
            time.nowMs += pause;
            if (now(limiter.admit(caller, 'request')).permit) passedAt.push(time.nowMs);
          }
          for (const [index, at] of passedAt.entries()) {
            const within = passedAt.slice(index).filter((one) => one < at + 60_000).length;
            assert.ok(within <= 2 * perMinute);
          }
          const minutes = (time.nowMs - startMs) / 60_000;
          assert.ok(passedAt.length <= perMinute * (1 + minutes) + 1e-6);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says to the millisecond when a request fits, and to the second in Retry-After', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 30_000 }), fc.integer({ min: 1, max: 200_000 })), {
          minLength: 1,
          maxLength: 60,
        }),
        (perMinute, steps) => {
          const { time, limiter } = setUp();
          const permit = admitted(limiter, callerOf({ audioSecondsPerMinute: perMinute }));
          for (const [pause, durationMs] of steps) {
            time.nowMs += pause;
            const { refusal } = now(permit.takeAudio(durationMs));
            if (!refusal) continue;
            const waitMs = refusal.retryAfterSeconds! * 1000;
            if (waitMs > 1000) {
              time.nowMs += waitMs - 1000;
              assert.ok(now(permit.takeAudio(durationMs)).refusal, 'a second earlier it does not fit');
              time.nowMs += 1000;
            } else time.nowMs += waitMs;
            assert.equal(now(permit.takeAudio(durationMs)).refusal, null, 'after the wait it fits');
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
