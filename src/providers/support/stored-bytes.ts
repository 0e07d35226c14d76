import { createReadStream } from 'node:fs';
import type { StoredAudio } from '../../audio/audio.ts';

/** Read from the disk at a time: large enough for few system calls, small enough that many uploads stay cheap. */
const defaultChunkBytes = 256 * 1024;

/** The bytes of a stored recording in order, in pieces of any size; from memory they are lent, not copied. */
export function storedBytes(
  stored: StoredAudio,
  chunkBytes: number = defaultChunkBytes,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return stored.path === null ? stored.pieces : createReadStream(stored.path, { highWaterMark: chunkBytes });
}
