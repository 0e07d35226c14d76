import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Of } from './artifact-check.ts';
import { TransferError } from './byte-source.ts';
import type { ExpectedBytes } from './file-pins.ts';
import { lookAt, readRecord, recordFiles } from './file-record.ts';
import { sizeOf } from './transfer.ts';

/** A complete file that is to become one of a model's. */
export interface NewFile {
  /** Where it lies now, on the same disk. */
  readonly path: string;
  /** Name in the model's folder. */
  readonly name: string;
  /** Where it came from, for people; also tells whether an earlier record is about the same source. */
  readonly from: string;
  readonly expected: ExpectedBytes;
  /** Sum that the other side named. */
  readonly announcedSha256: string | null;
}

/**
 * Checks a complete file, renames it into the model's folder and records it: there it is whole and right, or not there.
 * Rejects with TransferError for wrong bytes, which are deleted.
 */
export async function placeFile(folder: string, file: NewFile): Promise<void> {
  const sha256 = await check(folder, file);
  const found = await lookAt(file.path);
  if (!found) throw new TransferError(`${file.name} vanished before it was put in place`, false);
  await mkdir(folder, { recursive: true });
  // First the record, which holds for the renamed file too: nobody finds the file without it.
  await recordFiles(folder, [{ name: file.name, ...found, sha256, from: file.from }]);
  await rename(file.path, join(folder, file.name));
}

async function check(folder: string, { path, name, from, expected, announcedSha256 }: NewFile): Promise<string> {
  const refuse = async (problem: string) => {
    await rm(path, { force: true });
    throw new TransferError(`${name} ${problem}`, false);
  };
  const sizeBytes = await sizeOf(path);
  if (expected.sizeBytes !== null && sizeBytes !== expected.sizeBytes) {
    await refuse(`has ${sizeBytes} bytes, not the ${expected.sizeBytes} expected`);
  }
  const sha256 = await sha256Of(path);
  if (expected.sha256 !== null) {
    if (!expected.sha256.includes(sha256)) await refuse(`has the sha256 ${sha256}, not the one in the catalogue`);
    return sha256;
  }
  if (announcedSha256 !== null && announcedSha256 !== sha256) {
    await refuse(`has the sha256 ${sha256}, not the ${announcedSha256} that its source names`);
  }
  const recorded = (await readRecord(folder)).find((one) => one.name === name && one.from === from);
  if (recorded && recorded.sha256 !== sha256) {
    await refuse(
      `has the sha256 ${sha256}, and had ${recorded.sha256} when it was first fetched; ` +
        `fluxscribe models remove ${dirname(join(folder, name)).split('/').at(-1)} forgets that`,
    );
  }
  return sha256;
}
