import { unwatchFile, watchFile } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * How processes that share a store learn of each other's changes: whoever changed it writes a stamp, and the others look
 * at its time. Looking, because folders on a network tell nobody of changes.
 */
const STAMP = '.changed';
const LOOK_EVERY_MS = 2000;

/** To be called once the change is whole. */
export async function markChanged(dir: string): Promise<void> {
  await writeFile(join(dir, STAMP), `${Date.now()}\n`);
}

/** Calls back within about two seconds of a change by any process, this one included, until the result is called. */
export function watchChanges(dir: string, onChanged: () => void): () => void {
  const path = join(dir, STAMP);
  const look = (now: { readonly mtimeMs: number }, before: { readonly mtimeMs: number }) => {
    if (now.mtimeMs !== before.mtimeMs) onChanged();
  };
  watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look);
  return () => unwatchFile(path, look);
}
