import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { CatalogueArtifact, CatalogueFile } from '../catalogue/catalogue.ts';
import { expectedFromAnywhere, mayBeRecorded } from './file-pins.ts';
import { type FileRecord, lookAt, readRecord, recordFiles } from './file-record.ts';

/** SHA-256 of a file in lower-case hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/**
 * The files of an artifact that are missing or wrong in `folder`. A file is trusted when its size and time are those of
 * the record; otherwise it is hashed, and the record is renewed. A file whose sum no catalogue knows must be what it was
 * when it was first seen. `thorough` hashes everything.
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
    const known = records.find((one) => one.name === file.name) ?? null;
    const now = await judge(folder, artifact, file, known, thorough);
    if (!now) faulty.push(file);
    // The record of a damaged file stays: what it once was is still what it has to be.
    else if (now !== known) fresh.push(now);
  }
  if (fresh.length > 0) await recordFiles(folder, fresh);
  return faulty;
}

/** The record of a file that is right, null for one that is not. */
async function judge(
  folder: string,
  artifact: CatalogueArtifact,
  file: CatalogueFile,
  known: FileRecord | null,
  thorough: boolean,
): Promise<FileRecord | null> {
  const path = join(folder, file.name);
  const found = await lookAt(path);
  if (found === null) return null;
  const permitted = (sum: string) => isPermitted(artifact, file, known, sum, found.sizeBytes);
  if (!thorough && known && isUnchanged(known, found) && permitted(known.sha256)) return known;
  const sha256 = await sha256Of(path);
  if (!permitted(sha256)) return null;
  return { name: file.name, ...found, sha256, ...(known?.from && known.sha256 === sha256 && { from: known.from }) };
}

function isPermitted(
  artifact: CatalogueArtifact,
  file: CatalogueFile,
  known: FileRecord | null,
  sum: string,
  sizeBytes: number,
): boolean {
  const expected = expectedFromAnywhere(file);
  if (known?.from !== undefined && known.sha256 === sum && mayBeRecorded(artifact, file)) return true;
  if (expected.sizeBytes !== null && expected.sizeBytes !== sizeBytes) return false;
  if (expected.sha256 !== null) return expected.sha256.includes(sum);
  return known === null || known.sha256 === sum;
}

function isUnchanged(known: FileRecord, found: { readonly sizeBytes: number; readonly modifiedMs: number }): boolean {
  return known.sizeBytes === found.sizeBytes && known.modifiedMs === found.modifiedMs;
}
