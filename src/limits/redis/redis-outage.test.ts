import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Log, silentLog } from '../../core/log.ts';
import type { LimitedCaller, Limiter } from '../limiter.ts';
import { openSharedLimiter } from './open-limiter.ts';

const url = process.env.FLUXSCRIBE_TEST_REDIS_URL || null;

/** A way to Redis that can be cut, and stopped without being cut. */
async function startWay(target: URL) {
  const pairs = new Set<readonly [Socket, Socket]>();
  let state: 'open' | 'cut' | 'silent' = 'open';
  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port || 6379), target.hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (bytes) => {
        if (state === 'open') to.write(bytes);
      });
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
      // Its close follows and says the same.
      from.on('error', () => {});
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endAll = () => {
    for (const [near] of pairs) near.destroy();
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    turn(next: typeof state) {
      state = next;
      if (next === 'cut') endAll();
    },
    async close() {
      endAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const caller: LimitedCaller = {
  keyId: 'k1',
  key: { requestsPerMinute: 100_000, audioSecondsPerMinute: null, maxConcurrent: 50, maxLiveStreams: null },
  account: null,
};

async function isAdmitted(limiter: Limiter): Promise<boolean> {
  const { permit } = await limiter.admit(caller, 'request');
  permit?.release();
  return permit !== null;
}

describe('limits while Redis goes away', {
  skip: url === null ? 'FLUXSCRIBE_TEST_REDIS_URL is not set' : false,
}, () => {
  for (const outage of ['cut', 'silent'] as const) {
    it(`refuse nobody for it, and are shared again afterwards (${outage})`, { timeout: 60_000 }, async () => {
      const way = await startWay(new URL(url!));
      const lines: string[] = [];
      const write = (_fields: object, message: string) => void lines.push(message);
      const log: Log = { ...silentLog, info: write, warn: write };
      const prefix = `outage-${randomBytes(6).toString('hex')}:`;
      const limiter = await openSharedLimiter({ url: way.url, prefix, commandTimeoutMs: 1_000, log });
      const told = (what: string) => lines.filter((line) => line.includes(what)).length;
      assert.ok(await isAdmitted(limiter));
      assert.deepEqual(lines, []);
      way.turn(outage);
      while (told('by this process alone') === 0) assert.ok(await isAdmitted(limiter));
      for (let count = 0; count < 200; count++) assert.ok(await isAdmitted(limiter));
      way.turn('open');
      while (told('shared through Redis again') === 0) {
        assert.ok(await isAdmitted(limiter));
        await sleep(20);
      }
      assert.equal(told('by this process alone'), 1, 'said once, not with every request');
      await limiter.close();
      await way.close();
    });
  }
});
