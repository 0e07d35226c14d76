import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../core/log.ts';
import { createOverload, watchLoopDelay } from './overload.ts';

describe('overload', () => {
  it('refuses from the ceiling on, says when to come again, and names what was too much', () => {
    let waiting = 9;
    const lines: string[] = [];
    const write = (fields: object, message: string) => void lines.push(`${JSON.stringify(fields)} ${message}`);
    const overload = createOverload(
      [
        { name: 'uploads in memory', read: () => 0, ceiling: 1 },
        { name: 'engine queue', read: () => waiting, ceiling: 10 },
      ],
      { ...silentLog, info: write, warn: write },
    );
    assert.equal(overload.check(), null);
    waiting = 10;
    const refusal = overload.check();
    assert.equal(refusal?.code, 'service_unavailable');
    assert.equal(refusal?.retryAfterSeconds, 2);
    overload.check();
    waiting = 0;
    assert.equal(overload.check(), null);
    assert.deepEqual(lines, [
      '{"because":"engine queue"} uploads are refused: there is too much to do',
      '{} uploads are taken again',
    ]);
  });

  it('sees a process that is held up on and on, and that it no longer is', { timeout: 60_000 }, async () => {
    const delay = watchLoopDelay(200);
    let highestMs = 0;
    while (highestMs <= 20) {
      block(150);
      await sleep(1);
      highestMs = Math.max(highestMs, delay.meanMs);
    }
    // How long the machine needs for it nobody knows; that it comes is what counts.
    while (delay.meanMs > highestMs / 2) await sleep(100);
    delay.stop();
  });

  it('takes one long stall for no overload', async () => {
    const delay = watchLoopDelay(200);
    block(1_500);
    let highestMs = 0;
    for (let look = 0; look < 10; look++) {
      await sleep(100);
      highestMs = Math.max(highestMs, delay.meanMs);
    }
    delay.stop();
    assert.ok(highestMs < 500, `${highestMs} ms`);
  });
});

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
