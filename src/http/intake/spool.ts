import type { StoredAudio } from '../../audio/audio.ts';
import { openTempFolder, type TempFile, toDiskError, writeAll } from '../../audio/temp-folder.ts';
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

/** Makes this process's directory and removes those of processes that are gone. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const folder = await openTempFolder(options);
  return {
    begin: (file) => new FileWriter(file, options.thresholdBytes, () => folder.create()),
    close: () => folder.close(),
  };
}

class FileWriter implements SpoolWriter {
  readonly #options: SpoolFileOptions;
  readonly #thresholdBytes: number;
  readonly #create: () => Promise<TempFile>;
  #file: TempFile | null = null;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #sizeBytes = 0;
  /** The write that is under way; it never rejects. */
  #flushing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: SpoolFileOptions, thresholdBytes: number, create: () => Promise<TempFile>) {
    this.#options = options;
    this.#thresholdBytes = thresholdBytes;
    this.#create = create;
  }

  write(piece: Buffer): boolean {
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes < this.#thresholdBytes) return true;
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
    await this.#close();
    await this.#file?.remove();
  }

  async #flush(): Promise<void> {
    const pieces = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#file ??= await this.#create();
      if (pieces.length > 0) await writeAll(this.#file.handle, pieces);
    } catch (thrown) {
      this.#failure = { error: toDiskError(thrown) };
    }
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
