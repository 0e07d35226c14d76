import { type FileHandle, open } from 'node:fs/promises';
import { diskError, importError } from './import-error.ts';

/** Bytes that are read ahead: headers are short and lie megabytes apart. */
const windowBytes = 4096;

/**
 * A file that is read from front to back in little-endian pieces, without ever holding more than was asked for.
 * Whatever lies past the end is a GatewayError that names the file.
 */
export class FileWindow {
  /** Name for messages, such as `model.bin`. */
  readonly label: string;
  readonly sizeBytes: number;
  /** Bytes from the start of the file to the next one. */
  position = 0;
  readonly #file: FileHandle;
  #window = Buffer.alloc(0);
  #windowStart = 0;

  private constructor(label: string, file: FileHandle, sizeBytes: number) {
    this.label = label;
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  static async open(path: string, label: string): Promise<FileWindow> {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (thrown) {
      throw diskError(thrown, label);
    }
    const found = await file.stat();
    if (found.isFile()) return new FileWindow(label, file, found.size);
    await file.close();
    throw importError(`${label} is no file.`);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  get leftBytes(): number {
    return this.sizeBytes - this.position;
  }

  skip(bytes: number): void {
    this.#require(bytes);
    this.position += bytes;
  }

  /** The next bytes; they stay right until the next read. For short pieces. */
  async take(bytes: number): Promise<Buffer> {
    this.#require(bytes);
    const from = this.position - this.#windowStart;
    this.position += bytes;
    if (from >= 0 && from + bytes <= this.#window.length) return this.#window.subarray(from, from + bytes);
    const start = this.position - bytes;
    const length = Math.min(Math.max(bytes, windowBytes), this.sizeBytes - start);
    this.#window = await this.readAt(start, length);
    this.#windowStart = start;
    return this.#window.subarray(0, bytes);
  }

  async uint8(): Promise<number> {
    return (await this.take(1)).readUInt8();
  }

  async uint16(): Promise<number> {
    return (await this.take(2)).readUInt16LE();
  }

  async uint32(): Promise<number> {
    return (await this.take(4)).readUInt32LE();
  }

  /** Bytes of a place that is known to be inside the file, in memory of their own. */
  async readAt(start: number, bytes: number): Promise<Buffer<ArrayBuffer>> {
    const target = Buffer.from(new ArrayBuffer(bytes));
    let done = 0;
    while (done < bytes) {
      const { bytesRead } = await this.#read(target, done, bytes - done, start + done);
      if (bytesRead === 0) throw importError(`${this.label} became shorter while it was read.`);
      done += bytesRead;
    }
    return target;
  }

  async #read(target: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    try {
      return await this.#file.read(target, offset, length, position);
    } catch (thrown) {
      throw diskError(thrown, this.label);
    }
  }

  #require(bytes: number): void {
    if (bytes <= this.leftBytes) return;
    throw importError(
      `${this.label} is damaged or cut off: ${bytes} bytes are wanted at ${this.position}, and it ends at ${this.sizeBytes}.`,
    );
  }
}
