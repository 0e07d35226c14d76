import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './byte-source.ts';

/** A lock that its holder has not renewed for this long belonged to a process that died: it is taken over. */
const staleAfterMs = 15_000;
const renewEveryMs = 3_000;
const lookEveryMs = 250;

/**
 * Runs `work` while no other process on this folder does: the second one waits, and finds the work done. The signal
 * that `work` gets is aborted when the lock is lost (a laptop that slept, a disk that went away).
 */
export async function withStoreLock<Value>(
  dir: string,
  signal: AbortSignal,
  onWait: () => void,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  await mkdir(dir, { recursive: true });
  const { lock } = await import('proper-lockfile');
  const lost = new AbortController();
  const acquire = () =>
    lock(dir, {
      lockfilePath: join(dir, '.download.lock'),
      realpath: false,
      stale: staleAfterMs,
      update: renewEveryMs,
      onCompromised: (error) => lost.abort(error),
    });
  let release: (() => Promise<void>) | null = null;
  for (let waited = false; release === null; ) {
    try {
      release = await acquire();
    } catch (thrown) {
      if (!hasCode(thrown, 'ELOCKED')) throw thrown;
      if (!waited) onWait();
      waited = true;
      signal.throwIfAborted();
      // An abort of the pause itself hides the reason behind an AbortError.
      await sleep(lookEveryMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    // A lost lock is not ours to release.
    if (!lost.signal.aborted) await release();
  }
}
