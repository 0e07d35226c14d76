import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairQueue } from './fair-queue.ts';

describe('FairQueue', () => {
  it('lets a short clip pass a long recording after one window', () => {
    const queue = new FairQueue<string>();
    const long = {};
    const short = {};
    for (const item of ['l1', 'l2', 'l3']) queue.push(long, item);
    queue.push(short, 's1');
    assert.deepEqual(
      [queue.shift(), queue.shift(), queue.shift(), queue.shift(), queue.shift()],
      ['l1', 's1', 'l2', 'l3', undefined],
    );
  });

  it('gives what was put back to its owner first, and before all others', () => {
    const queue = new FairQueue<string>();
    const [one, other] = [{}, {}];
    for (const item of ['a1', 'a2']) queue.push(one, item);
    queue.push(other, 'b1');
    assert.equal(queue.shift(), 'a1');
    queue.putBack(one, 'a1');
    assert.equal(queue.length, 3);
    assert.deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], ['a1', 'b1', 'a2', undefined]);
  });

  it('forgets a removed item and keeps count', () => {
    const queue = new FairQueue<number>();
    const owner = {};
    queue.push(owner, 1);
    queue.push(owner, 2);
    assert.equal(queue.remove(owner, 1), true);
    assert.equal(queue.remove(owner, 1), false);
    assert.equal(queue.length, 1);
    assert.deepEqual(queue.drain(), [2]);
    assert.equal(queue.length, 0);
  });
});
