import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Brings the whole file system of a folder to the disk with one call (`sync -f`, GNU). Resolves with false where there is
 * no such command, or the disk takes longer than a minute: then nothing may be taken for synced.
 */
export async function syncFileSystem(dir: string): Promise<boolean> {
  try {
    await promisify(execFile)('sync', ['-f', dir], { timeout: 60_000 });
    return true;
  } catch {
    // No such program or option: whoever needs it syncs file by file, which is slower.
    return false;
  }
}

/** Brings a folder and all in it to the disk: with one call, or file by file, deepest first. */
export async function syncTree(dir: string): Promise<void> {
  if (await syncFileSystem(dir)) return;
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncPath(dir);
}

/** Brings one file, or the names in one folder, to the disk. */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}
