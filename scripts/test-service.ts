import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

/** Tries to connect until it works; rejects with the last reason once `limitMs` are over. */
export async function untilReady(connect: () => Promise<void>, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      await connect();
      return;
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await sleep(50);
    }
  }
}
