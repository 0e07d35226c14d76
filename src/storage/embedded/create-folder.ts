import { rename, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { startParameters } from './start-parameters.ts';
import { syncPath, syncTree } from './sync-folder.ts';

/**
 * Makes the folder of a new database, whole or not at all: it is made beside its place, brought to the disk, and then
 * gets its name. Whoever is killed meanwhile starts again; a folder that is half made could never be opened. Rejects when
 * there is a folder with something in it: perhaps a backup that was put back in part.
 */
export async function createFolder(dir: string): Promise<void> {
  const unfinished = `${dir}.new`;
  await removeEmpty(dir);
  await rm(unfinished, { recursive: true, force: true });
  // Not synced file by file: all of it at once, below.
  const pglite = await PGlite.create({ dataDir: unfinished, startParams: startParameters(false) });
  await pglite.close();
  await syncTree(unfinished);
  await rename(unfinished, dir);
  await syncPath(dirname(dir));
}

async function removeEmpty(dir: string): Promise<void> {
  try {
    await rmdir(dir);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
    if (code === 'ENOENT') return;
    if (code === 'ENOTEMPTY') throw new Error('it has files in it but no database (there is no PG_VERSION)');
    throw thrown;
  }
}
