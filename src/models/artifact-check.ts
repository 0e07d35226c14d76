import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { CatalogueArtifact, CatalogueFile } from '../catalogue/catalogue.ts';
import { hasCode } from './byte-source.ts';

/** What was hashed and found right, so that a start need not read a model to trust it. */
const recordSchema = z.object({
  files: z.array(z.object({ name: z.string(), sizeBytes: z.number(), modifiedMs: z.number(), sha256: z.string() })),
});
type FileRecord = z.infer<typeof recordSchema>['files'][number];

const recordName = 'installed.json';

/** SHA-256 of a file in lower-case hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/**
 * The files of an artifact that are missing or wrong in `folder`. A file is trusted when its size and time are those of
 * the record; otherwise it is hashed, and the record is renewed. `thorough` hashes everything.
 */
export async function faultyFiles(
  folder: string,
  artifact: CatalogueArtifact,
  thorough = false,
): Promise<CatalogueFile[]> {
  const records = await readRecord(folder);
  const fresh: FileRecord[] = [];
  const faulty: CatalogueFile[] = [];
  for (const file of artifact.files) {
    const found = await lookAt(join(folder, file.name));
    if (found === null || found.sizeBytes !== file.size_bytes) {
      faulty.push(file);
      continue;
    }
    const known = records.find((one) => one.name === file.name);
    const trusted =
      !thorough &&
      known?.sha256 === file.sha256 &&
      known.sizeBytes === found.sizeBytes &&
      known.modifiedMs === found.modifiedMs;
    if (!trusted && (await sha256Of(join(folder, file.name))) !== file.sha256) faulty.push(file);
    else fresh.push({ name: file.name, ...found, sha256: file.sha256 });
  }
  if (fresh.length > 0 && JSON.stringify(fresh) !== JSON.stringify(records)) await writeRecord(folder, fresh);
  return faulty;
}

async function lookAt(path: string): Promise<{ sizeBytes: number; modifiedMs: number } | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? { sizeBytes: found.size, modifiedMs: Math.trunc(found.mtimeMs) } : null;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR')) return null;
    throw thrown;
  }
}

async function readRecord(folder: string): Promise<FileRecord[]> {
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
function parseRecord(text: string): FileRecord[] {
  try {
    return recordSchema.parse(JSON.parse(text)).files;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof z.ZodError) return [];
    throw thrown;
  }
}

async function writeRecord(folder: string, files: readonly FileRecord[]): Promise<void> {
  const path = join(folder, recordName);
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, `${JSON.stringify({ files }, null, 2)}\n`);
    await rename(temporary, path);
  } catch (thrown) {
    // Models may lie on a read-only disk (a container image): they are hashed at every start then.
    if (!hasCode(thrown, 'EROFS') && !hasCode(thrown, 'EACCES') && !hasCode(thrown, 'ENOSPC')) throw thrown;
  }
}
