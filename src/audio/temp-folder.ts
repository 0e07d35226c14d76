import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** Where audio lies while it is worked on: one directory a process and owner, gone with it. */
export interface TempFolder {
  /**
   * Opens a new file for reading and writing that only this user can read. Rejects with GatewayError `storage_full` when
   * the disk would be left with too little room, or with the system's error.
   */
  create(): Promise<TempFile>;
  /** Removes the directory with everything in it. */
  close(): Promise<void>;
}

export interface TempFile {
  readonly path: string;
  /** To be closed by whoever opened the file. */
  readonly handle: FileHandle;
  /** Removes the file; it may be gone already. Never rejects: a file that cannot be removed is logged. */
  remove(): Promise<void>;
}

export interface TempFolderOptions {
  /** Existing directory; several processes and machines may share it. */
  readonly tempDir: string;
  /** Free room that the disk must keep. */
  readonly minFreeDiskBytes: number;
  readonly log: Log;
}

/** Left-overs whose process cannot be checked (another machine, a reused process id) are removed when this old. */
const staleAfterMs = 24 * 3_600_000;
/** Free room is asked of the file system at most this often: a hundred uploads a second share one question. */
const roomCheckIntervalMs = 1000;

const prefix = 'fluxscribe-uploads';
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
/** When this process began; tells it from an earlier one with the same id, as in a restarted container. */
const processStart = Math.round(performance.timeOrigin);

/** Makes a directory for this process and removes those of processes that are gone. */
export async function openTempFolder({ tempDir, minFreeDiskBytes, log }: TempFolderOptions): Promise<TempFolder> {
  await removeStale(tempDir, log);
  const directory = join(tempDir, `${prefix}-${host}-${process.pid}-${processStart}-${randomUUID().slice(0, 8)}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });

  let roomAskedAt = Number.NEGATIVE_INFINITY;
  let freeBytes: Promise<number> = Promise.resolve(0);
  async function requireRoom(): Promise<void> {
    if (performance.now() - roomAskedAt > roomCheckIntervalMs) {
      roomAskedAt = performance.now();
      freeBytes = statfs(tempDir).then((room) => room.bavail * room.bsize);
    }
    if ((await freeBytes) < minFreeDiskBytes) throw storageFull();
  }

  /** Temporary directories get swept by other programs; a missing one is made again once. */
  async function openNew(path: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx+', 0o600);
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') throw thrown;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return open(path, 'wx+', 0o600);
    }
  }

  async function remove(path: string): Promise<void> {
    try {
      await unlink(path);
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') log.error({ error: codeOf(thrown) }, 'a temporary file could not be removed');
    }
  }

  return {
    async create() {
      await requireRoom();
      const path = join(directory, randomUUID());
      return { path, handle: await openNew(path), remove: () => remove(path) };
    },
    async close() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A failure of the file system as the error that the caller sees. */
export function toDiskError(thrown: unknown): unknown {
  switch (codeOf(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return storageFull(thrown);
    case 'EMFILE':
    case 'ENFILE':
      return new GatewayError('service_unavailable', 'Too many files are open at this moment.', {
        retryAfterSeconds: 1,
        cause: thrown,
      });
    default:
      return thrown;
  }
}

function storageFull(cause?: unknown): GatewayError {
  return new GatewayError('storage_full', 'The gateway has no room left on its disk for audio.', {
    retryAfterSeconds: 60,
    cause,
  });
}

/** `writev` may write less than all of it, on a full disk for one; then the rest is written piece by piece. */
export async function writeAll(handle: FileHandle, chunks: Buffer[]): Promise<void> {
  let { bytesWritten } = await handle.writev(chunks);
  for (const chunk of chunks) {
    if (bytesWritten >= chunk.length) {
      bytesWritten -= chunk.length;
      continue;
    }
    let offset = bytesWritten;
    bytesWritten = 0;
    while (offset < chunk.length) offset += (await handle.write(chunk, offset)).bytesWritten;
  }
}

async function removeStale(tempDir: string, log: Log): Promise<void> {
  for (const name of await readdir(tempDir)) {
    const parts = new RegExp(`^${prefix}-([0-9a-f]{8})-(\\d+)-(\\d+)-[0-9a-f]{8}$`).exec(name);
    if (!parts) continue;
    const [, owner, pid, start] = parts;
    const path = join(tempDir, name);
    try {
      const gone = owner === host && !isRunning(Number(pid), Number(start));
      if (gone || Date.now() - (await stat(path)).mtimeMs > staleAfterMs) {
        await rm(path, { recursive: true, force: true });
        log.info({ pid: Number(pid) }, 'removed the uploads of a process that is gone');
      }
    } catch (thrown) {
      // Another process may be clearing up the same left-overs; what stays is looked at again at the next start.
      log.warn({ error: codeOf(thrown) }, 'left-over uploads could not be removed');
    }
  }
}

function isRunning(pid: number, start: number): boolean {
  if (pid === process.pid) return start === processStart;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) !== 'ESRCH';
  }
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
