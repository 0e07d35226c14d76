import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode } from './byte-source.ts';

/**
 * What was hashed and found right, so that a start need not read a model to trust it; and, of files whose sum no
 * catalogue knows, what came the first time.
 */
const recordSchema = z.object({
  files: z.array(
    z.object({
      name: z.string(),
      sizeBytes: z.number(),
      modifiedMs: z.number(),
      sha256: z.string(),
      /** Where it was fetched from, for people; left out: put there by hand, or by a version that did not write it down. */
      from: z.string().optional(),
    }),
  ),
});

export type FileRecord = z.infer<typeof recordSchema>['files'][number];

/** Name of the record in a model's folder. */
export const recordName = 'installed.json';

/** Size and time of a file; null when it is not there. */
export async function lookAt(path: string): Promise<{ sizeBytes: number; modifiedMs: number } | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? { sizeBytes: found.size, modifiedMs: Math.trunc(found.mtimeMs) } : null;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR')) return null;
    throw thrown;
  }
}

export async function readRecord(folder: string): Promise<readonly FileRecord[]> {
  let text: string;
  try {
    text = await readFile(join(folder, recordName), 'utf8');
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR')) return [];
    throw thrown;
  }
  return parseRecord(text);
}

/** A record that makes no sense is no record: the files are hashed again. */
function parseRecord(text: string): readonly FileRecord[] {
  try {
    return recordSchema.parse(JSON.parse(text)).files;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof z.ZodError) return [];
    throw thrown;
  }
}

/**
 * Puts entries in the place of those of the same name; the others stay as they are at this moment. Somebody who looks
 * while a model is fetched therefore takes nothing from what the fetch writes down.
 */
export async function recordFiles(folder: string, fresh: readonly FileRecord[]): Promise<void> {
  const others = (await readRecord(folder)).filter((one) => !fresh.some((entry) => entry.name === one.name));
  const files = [...others, ...fresh];
  try {
    await writeWhole(join(folder, recordName), `${JSON.stringify({ files }, null, 2)}\n`);
  } catch (thrown) {
    // Models may lie on a read-only disk (a container image): they are hashed at every start then.
    if (!hasCode(thrown, 'EROFS') && !hasCode(thrown, 'EACCES') && !hasCode(thrown, 'ENOSPC')) throw thrown;
  }
}

/** Writes a text file so that readers find the old one or the new one, never a part. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
