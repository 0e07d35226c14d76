import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callerOf, unlimitedPlan } from '../../test/helpers/callers.ts';
import type { Caller } from '../auth/key-directory.ts';
import { createKeyCache } from './key-cache.ts';

function caller(keyId: string): Caller {
  return callerOf(keyId, { account: { id: 'acc_1', status: 'active' }, plan: { ...unlimitedPlan, id: 'payg' } });
}

describe('key cache', () => {
  it('asks once for as long as an answer may live, and once for many at one time', async () => {
    let [now, loads] = [0, 0];
    const load = async (hash: string) => {
      loads++;
      return caller(hash);
    };
    const cache = createKeyCache(load, 1_000, () => now);
    await Promise.all([cache.get('a'), cache.get('a')]);
    now = 999;
    await cache.get('a');
    assert.equal(loads, 1);
    now = 1_000;
    await cache.get('a');
    assert.equal(loads, 2);
  });

  it('keeps no answer that was read before the key was revoked, and gives it to nobody who asks after', async () => {
    const answers: ((found: Caller | null) => void)[] = [];
    const load = () => new Promise<Caller | null>((resolve) => answers.push(resolve));
    const cache = createKeyCache(load, 1_000, () => 0);
    const before = cache.get('a');
    cache.forget({ key: 'a' });
    const after = cache.get('a');
    answers[0]?.(caller('a'));
    answers[1]?.(null);
    assert.equal((await before)?.keyId, 'a');
    assert.equal(await after, null);
    const later = cache.get('a');
    answers[2]?.(null);
    assert.equal(await later, null);
  });

  it('forgets the keys that a change of key, account or plan concerns, and only those', async () => {
    let loads = 0;
    const load = async (hash: string) => {
      loads++;
      return caller(hash);
    };
    const cache = createKeyCache(load, 1_000, () => 0);
    await cache.get('a');
    await cache.get('b');
    for (const [change, reloaded] of [
      [{ key: 'a' }, 1],
      [{ account: 'acc_2' }, 0],
      [{ account: 'acc_1' }, 2],
      [{ plan: 'payg' }, 2],
      [null, 2],
    ] as const) {
      loads = 0;
      cache.forget(change);
      await cache.get('a');
      await cache.get('b');
      assert.equal(loads, reloaded, JSON.stringify(change));
    }
  });
});
