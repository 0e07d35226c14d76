import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBatcher } from './batcher.ts';

/** Batches that end when the test says so. */
function heldBatches() {
  const batches: { readonly items: readonly number[]; end(): void; fail(error: Error): void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<readonly string[]>((resolve, reject) => {
      batches.push({ items, end: () => resolve(items.map((item) => `done ${item}`)), fail: reject });
    });
  return { batches, run };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('batcher', () => {
  it('starts at once, and puts together what arrives while one batch runs', async () => {
    const { batches, run } = heldBatches();
    const batcher = createBatcher({ run, maxItems: 3, concurrency: 1, maxWaiting: 100 });
    const first = batcher.add(0);
    await turn();
    const others = [1, 2, 3, 4].map((item) => batcher.add(item));
    await turn();
    assert.deepEqual(
      batches.map((batch) => batch.items),
      [[0]],
    );
    batches[0]?.end();
    assert.equal(await first, 'done 0');
    await turn();
    assert.deepEqual(
      batches.map((batch) => batch.items),
      [[0], [1, 2, 3]],
    );
    batches[1]?.end();
    await turn();
    batches[2]?.end();
    assert.deepEqual(await Promise.all(others), ['done 1', 'done 2', 'done 3', 'done 4']);
    await batcher.idle();
  });

  it('fails the whole batch with its failure, and goes on with the next', async () => {
    const { batches, run } = heldBatches();
    const batcher = createBatcher({ run, maxItems: 10, concurrency: 1, maxWaiting: 100 });
    const failing = [batcher.add(1), batcher.add(2)];
    await turn();
    const next = batcher.add(3);
    batches[0]?.fail(new Error('gone'));
    for (const one of failing) await assert.rejects(one, /gone/);
    await turn();
    batches[1]?.end();
    assert.equal(await next, 'done 3');
  });

  it('refuses with 503 and Retry-After when too many wait', async () => {
    const { batches, run } = heldBatches();
    const batcher = createBatcher({ run, maxItems: 1, concurrency: 1, maxWaiting: 2 });
    const running = batcher.add(0);
    await turn();
    const waiting = [batcher.add(1), batcher.add(2)];
    await assert.rejects(batcher.add(3), { code: 'service_unavailable', retryAfterSeconds: 1 });
    for (let index = 0; index < 3; index++) {
      batches[index]?.end();
      await turn();
    }
    assert.deepEqual(await Promise.all([running, ...waiting]), ['done 0', 'done 1', 'done 2']);
  });
});
