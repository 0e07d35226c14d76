import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat, statfs, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { StoredAudio } from '../../audio/audio.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

/** A received upload, owned by one request. */
export type SpooledFile = StoredAudio & {
  /** Removes it; later calls do nothing. Never rejects: a file that cannot be removed is logged. */
  dispose(): Promise<void>;
};

/** Where uploads lie while they are worked on: one directory a process, gone with it. */
export interface Spool {
  /** Begins a new file that only this user can read. It is made on disk when there is enough to write. */
  begin(options: SpoolFileOptions): SpoolWriter;
  /** Removes the directory with everything in it. */
  close(): Promise<void>;
}

export interface SpoolFileOptions {
  readonly maxBytes: number;
  /** Called when `write` has said false and the disk has caught up. */
  readonly onDrain: () => void;
  /** Called once when the disk fails, with GatewayError `storage_full` or `service_unavailable`, or its own error. */
  readonly onError: (error: unknown) => void;
}

/** One file being written. It holds at most twice `thresholdBytes` in memory, and keeps the pieces that it is given. */
export interface SpoolWriter {
  /** false: wait for `onDrain`. Throws GatewayError `payload_too_large` with the first byte above `maxBytes`. */
  write(piece: Buffer): boolean;
  /** Writes what is left and closes the file. Rejects as `onError` is told; then nothing is left behind. */
  finish(): Promise<SpooledFile>;
  /** Gives up: nothing is left behind. Never rejects. */
  discard(): Promise<void>;
}

export interface SpoolOptions {
  /** Existing directory; several processes and machines may share it. */
  readonly tempDir: string;
  /** Bytes gathered in memory before they are written in one piece. */
  readonly thresholdBytes: number;
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

/** Makes this process's directory and removes those of processes that are gone. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { tempDir, thresholdBytes, minFreeDiskBytes, log } = options;
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
  async function create(path: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx', 0o600);
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') throw thrown;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return open(path, 'wx', 0o600);
    }
  }

  async function remove(path: string): Promise<void> {
    try {
      await unlink(path);
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') log.error({ error: codeOf(thrown) }, 'an upload could not be removed');
    }
  }

  return {
    begin(file) {
      const path = join(directory, randomUUID());
      return new FileWriter(path, file, {
        thresholdBytes,
        create: () => requireRoom().then(() => create(path)),
        remove,
      });
    },
    async close() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface FileWriterParts {
  readonly thresholdBytes: number;
  readonly create: () => Promise<FileHandle>;
  readonly remove: (path: string) => Promise<void>;
}

class FileWriter implements SpoolWriter {
  readonly #path: string;
  readonly #options: SpoolFileOptions;
  readonly #parts: FileWriterParts;
  #handle: FileHandle | null = null;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #sizeBytes = 0;
  /** The write that is under way; it never rejects. */
  #flushing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(path: string, options: SpoolFileOptions, parts: FileWriterParts) {
    this.#path = path;
    this.#options = options;
    this.#parts = parts;
  }

  write(piece: Buffer): boolean {
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes < this.#parts.thresholdBytes) return true;
    if (this.#flushing) return false;
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null;
      if (this.#failure) this.#options.onError(this.#failure.error);
      else this.#options.onDrain();
    });
    return true;
  }

  async finish(): Promise<SpooledFile> {
    await this.#flushing;
    if (!this.#failure) await this.#flush();
    await this.#close();
    if (this.#failure) {
      await this.discard();
      throw this.#failure.error;
    }
    const { remove } = this.#parts;
    const path = this.#path;
    let disposed = false;
    return {
      path,
      sizeBytes: this.#sizeBytes,
      async dispose() {
        if (disposed) return;
        disposed = true;
        await remove(path);
      },
    };
  }

  async discard(): Promise<void> {
    await this.#flushing;
    const made = this.#handle !== null;
    await this.#close();
    if (made) await this.#parts.remove(this.#path);
  }

  async #flush(): Promise<void> {
    const pieces = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#handle ??= await this.#parts.create();
      if (pieces.length > 0) await writeAll(this.#handle, pieces);
    } catch (thrown) {
      this.#failure = { error: toSpoolError(thrown) };
    }
  }

  async #close(): Promise<void> {
    try {
      await this.#handle?.close();
    } catch (thrown) {
      this.#failure ??= { error: toSpoolError(thrown) };
    }
  }
}

/** 413 with the ceiling in words that a person can act on. */
export function tooLarge(maxBytes: number): GatewayError {
  const mebibytes = Math.round((maxBytes / (1024 * 1024)) * 100) / 100;
  return new GatewayError(
    'payload_too_large',
    `The file is larger than ${mebibytes} MiB (${maxBytes} bytes), the most that this gateway takes in one upload.`,
    { param: 'file' },
  );
}

/** A failure of the file system as the error that the caller sees. */
export function toSpoolError(thrown: unknown): unknown {
  switch (codeOf(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return storageFull(thrown);
    case 'EMFILE':
    case 'ENFILE':
      return new GatewayError('service_unavailable', 'Too many uploads are open at this moment.', {
        retryAfterSeconds: 1,
        cause: thrown,
      });
    default:
      return thrown;
  }
}

function storageFull(cause?: unknown): GatewayError {
  return new GatewayError('storage_full', 'The gateway has no room left to receive uploads.', {
    retryAfterSeconds: 60,
    cause,
  });
}

/** `writev` may write less than all of it, on a full disk for one; then the rest is written piece by piece. */
async function writeAll(handle: FileHandle, chunks: Buffer[]): Promise<void> {
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
