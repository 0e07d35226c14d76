import type { StoredAudio } from '../../audio/audio.ts';
import { openTempFolder, type TempFile, toDiskError, writeAll } from '../../audio/temp-folder.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { MemoryBudget } from './memory-budget.ts';

/** A received upload, owned by one request. */
export type SpooledFile = StoredAudio & {
  /** Removes it; later calls do nothing. Never rejects: a file that cannot be removed is logged. */
  dispose(): Promise<void>;
};

/** Where uploads lie while they are worked on: in memory while they are small, else in a directory of this process's own. */
export interface Spool {
  /** Begins a new upload. One that is too large for memory becomes a file that only this user can read. */
  begin(options: SpoolFileOptions): SpoolWriter;
  /** What uploads in memory take of `memoryTotalBytes` now. */
  readonly memoryBytes: number;
  /** Removes the directory with everything in it. */
  close(): Promise<void>;
}

export interface SpoolFileOptions {
  readonly maxBytes: number;
  /** The most that it can have, where the client has said so: one that is bound for the disk goes there at once. */
  readonly announcedBytes?: number;
  /** Called when `write` has said false and the disk has caught up. */
  readonly onDrain: () => void;
  /** Called once when the disk fails, with GatewayError `storage_full` or `service_unavailable`, or its own error. */
  readonly onError: (error: unknown) => void;
}

/** One upload being written. It keeps the pieces that it is given, on their way to disk at most twice `thresholdBytes`. */
export interface SpoolWriter {
  /** false: wait for `onDrain`. Throws GatewayError `payload_too_large` with the first byte above `maxBytes`. */
  write(piece: Buffer): boolean;
  /** Closes the file, where there is one, with what is left. Rejects as `onError` is told; then nothing is left behind. */
  finish(): Promise<SpooledFile>;
  /** Gives up: nothing is left behind. Never rejects. */
  discard(): Promise<void>;
}

export interface SpoolOptions {
  /** Existing directory; several processes and machines may share it. */
  readonly tempDir: string;
  /** Largest upload that is kept in memory; 0: all go to disk. */
  readonly memoryUploadBytes: number;
  /** All uploads in memory together; what finds no room there goes to disk. */
  readonly memoryTotalBytes: number;
  /** Bytes gathered on their way to disk before they are written in one piece. */
  readonly thresholdBytes: number;
  /** Free room that the disk must keep. */
  readonly minFreeDiskBytes: number;
  readonly log: Log;
}

/** What a piece costs beside its bytes: a sender of single bytes is charged for the objects that hold them. */
const pieceOverheadBytes = 256;

/** Makes this process's directory and removes those of processes that are gone. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const folder = await openTempFolder(options);
  const memory = new MemoryBudget(options.memoryTotalBytes);
  const parts = { ...options, memory, create: () => folder.create() };
  return {
    get memoryBytes() {
      return memory.usedBytes;
    },
    begin: (file) => new UploadWriter(file, parts),
    close: () => folder.close(),
  };
}

interface UploadWriterParts extends Pick<SpoolOptions, 'thresholdBytes' | 'memoryUploadBytes'> {
  readonly memory: MemoryBudget;
  readonly create: () => Promise<TempFile>;
}

class UploadWriter implements SpoolWriter {
  readonly #options: SpoolFileOptions;
  readonly #parts: UploadWriterParts;
  /** Whether all of it is still to stay in memory. */
  #isHeld: boolean;
  /** Taken of the budget and not given back. */
  #takenBytes = 0;
  #file: TempFile | null = null;
  #pending: Buffer[] = [];
  /** With what the pieces cost beside their bytes. */
  #pendingBytes = 0;
  #sizeBytes = 0;
  /** The write that is under way; it never rejects. */
  #flushing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: SpoolFileOptions, parts: UploadWriterParts) {
    this.#options = options;
    this.#parts = parts;
    this.#isHeld = parts.memoryUploadBytes > 0 && (options.announcedBytes ?? 0) <= parts.memoryUploadBytes;
  }

  write(piece: Buffer): boolean {
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
    const cost = piece.length + pieceOverheadBytes;
    this.#pending.push(piece);
    this.#pendingBytes += cost;
    if (this.#isHeld && this.#hold(cost)) return true;
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
    if (this.#isHeld) {
      const dispose = async () => this.#giveBack();
      return { path: null, sizeBytes: this.#sizeBytes, pieces: this.#pending, dispose };
    }
    await this.#flushing;
    if (!this.#failure) await this.#flush();
    await this.#close();
    const file = this.#file;
    if (this.#failure || !file) {
      await this.discard();
      throw this.#failure ? this.#failure.error : new Error('An upload was finished without a file.');
    }
    let disposed = false;
    return {
      path: file.path,
      sizeBytes: this.#sizeBytes,
      async dispose() {
        if (disposed) return;
        disposed = true;
        await file.remove();
      },
    };
  }

  async discard(): Promise<void> {
    await this.#flushing;
    this.#giveBack();
    await this.#close();
    await this.#file?.remove();
  }

  /** Whether one more piece may stay in memory; from the first that may not, everything goes to disk. */
  #hold(cost: number): boolean {
    this.#isHeld = this.#pendingBytes <= this.#parts.memoryUploadBytes && this.#parts.memory.take(cost);
    if (this.#isHeld) this.#takenBytes += cost;
    return this.#isHeld;
  }

  #giveBack(): void {
    this.#parts.memory.giveBack(this.#takenBytes);
    this.#takenBytes = 0;
  }

  async #flush(): Promise<void> {
    const pieces = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#file ??= await this.#parts.create();
      if (pieces.length > 0) await writeAll(this.#file.handle, pieces);
    } catch (thrown) {
      this.#failure = { error: toDiskError(thrown) };
    }
    this.#giveBack();
  }

  async #close(): Promise<void> {
    try {
      await this.#file?.handle.close();
    } catch (thrown) {
      this.#failure ??= { error: toDiskError(thrown) };
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
