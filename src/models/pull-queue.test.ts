import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { EnsureOptions } from './model-store.ts';
import { createPullQueue, type PullQueue } from './pull-queue.ts';

/** A store whose fetches end when the test says so. */
function scriptedStore() {
  const calls: { id: string; options: EnsureOptions; end: PromiseWithResolvers<'fetched'> }[] = [];
  return {
    calls,
    ensure(id: string, options: EnsureOptions = {}) {
      const end = Promise.withResolvers<'fetched'>();
      options.signal?.addEventListener('abort', () => end.reject(options.signal?.reason));
      calls.push({ id, options, end });
      return end.promise;
    },
  };
}

async function until(queue: PullQueue, id: string, state: string): Promise<void> {
  while (queue.taskOf(id)?.state !== state) await new Promise((resolve) => setImmediate(resolve));
}

describe('pull queue', () => {
  it('fetches one at a time, in order, and shows how far each is', async () => {
    const store = scriptedStore();
    const queue = createPullQueue({ store, onInstalled: null, log: silentLog, now: () => 5 });
    assert.equal(queue.taskOf('a'), null);
    queue.pull('a');
    assert.equal(queue.pull('b').state, 'waiting');
    assert.deepEqual(
      store.calls.map((one) => one.id),
      ['a'],
    );
    store.calls[0]!.options.onProgress?.({ artifactId: 'a', phase: 'fetch', from: 'hub', doneBytes: 3, totalBytes: 9 });
    assert.deepEqual(queue.taskOf('a'), {
      ...{ state: 'running', phase: 'fetch', from: 'hub', doneBytes: 3, totalBytes: 9 },
      ...{ startedAtMs: 5, endedAtMs: null, error: null, restartNeeded: false },
    });
    store.calls[0]!.end.resolve('fetched');
    await until(queue, 'b', 'running');
    assert.equal(queue.taskOf('a')?.state, 'done');
    await queue.close();
  });

  it('joins a pull of the same model that is under way', async () => {
    const store = scriptedStore();
    const queue = createPullQueue({ store, onInstalled: null, log: silentLog });
    queue.pull('a');
    queue.pull('a');
    assert.equal(store.calls.length, 1);
    await queue.close();
  });

  it('tells the server, and says that it needs a restart when it could not be told', async () => {
    for (const [onInstalled, restartNeeded] of [
      [async () => {}, false],
      [async () => assert.fail('no'), true],
      [null, true],
    ] as const) {
      const store = scriptedStore();
      const queue = createPullQueue({ store, onInstalled, log: silentLog });
      queue.pull('a');
      store.calls[0]!.end.resolve('fetched');
      await until(queue, 'a', 'done');
      assert.equal(queue.taskOf('a')?.restartNeeded, restartNeeded);
    }
  });

  it('keeps the reason of a failure, goes on with the next, and tries again when asked again', async () => {
    const store = scriptedStore();
    const queue = createPullQueue({ store, onInstalled: null, log: silentLog });
    queue.pull('a');
    queue.pull('b');
    store.calls[0]!.end.reject(new GatewayError('no_model_installed', 'Tried everything.'));
    await until(queue, 'b', 'running');
    assert.deepEqual(queue.taskOf('a')?.error, { code: 'no_model_installed', message: 'Tried everything.' });
    assert.equal(queue.pull('a').state, 'waiting');
    await queue.close();
  });

  it('bounds how many wait', async () => {
    const store = scriptedStore();
    const queue = createPullQueue({ store, onInstalled: null, log: silentLog, maxWaiting: 1 });
    queue.pull('a');
    queue.pull('b');
    assert.throws(() => queue.pull('c'), { code: 'service_unavailable', retryAfterSeconds: 60 });
    await queue.close();
  });

  it('ends what is under way when it is closed, and begins nothing after', async () => {
    const store = scriptedStore();
    const queue = createPullQueue({ store, onInstalled: null, log: silentLog });
    queue.pull('a');
    queue.pull('b');
    await queue.close();
    assert.equal(queue.taskOf('a')?.error?.code, 'service_unavailable');
    assert.equal(store.calls.length, 1);
    assert.throws(() => queue.pull('c'), { code: 'service_unavailable' });
  });
});
