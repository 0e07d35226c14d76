import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Random access to bytes. Reading is synchronous: it happens in a child process that has nothing else to do. */
export interface ByteSource {
  readonly sizeBytes: number;
  /**
   * The bytes from `offset`: fewer than `length` (or none) at the end of the source. The view stays valid after further
   * reads, but keeps up to one read window alive: copy what is kept for long.
   */
  read(offset: number, length: number): Uint8Array;
}

/** Large enough that a walk costs few system calls, small enough that hopping between video packets wastes little. */
const WINDOW_BYTES = 256 * 1024;
const EMPTY = new Uint8Array(0);

/** A file, read through one window that moves forward. Holds a descriptor until `close`. */
export class FileByteSource implements ByteSource, Disposable {
  readonly sizeBytes: number;
  readonly #descriptor: number;
  #window: Uint8Array = EMPTY;
  #windowStart = 0;
  #closed = false;

  /** Opens `path` for reading; throws the system's error when that fails. */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
    this.sizeBytes = fstatSync(this.#descriptor).size;
  }

  read(offset: number, length: number): Uint8Array {
    const wanted = Math.min(length, this.sizeBytes - offset);
    if (!(wanted > 0) || offset < 0) return EMPTY;
    const inWindow = offset - this.#windowStart;
    if (inWindow >= 0 && inWindow + wanted <= this.#window.length) {
      return this.#window.subarray(inWindow, inWindow + wanted);
    }
    // A fresh window each time: packets handed out earlier are views of the old one.
    const window = new Uint8Array(Math.max(wanted, Math.min(WINDOW_BYTES, this.sizeBytes - offset)));
    let filled = 0;
    while (filled < window.length) {
      const count = readSync(this.#descriptor, window, filled, window.length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    this.#window = window.subarray(0, filled);
    this.#windowStart = offset;
    return this.#window.subarray(0, Math.min(wanted, filled));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#window = EMPTY;
    closeSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Bytes in memory as a source. */
export class MemoryByteSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    if (offset < 0 || !(length > 0)) return EMPTY;
    return this.#bytes.subarray(offset, offset + length);
  }
}

/** Pieces of another source joined into one: the audio payload of a multiplex, or one chunk of a file. */
export class SplicedByteSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #base: ByteSource;
  readonly #starts: Float64Array;
  readonly #offsets: Float64Array;
  #last = 0;

  /** `pieces` holds offset and length in turn. */
  constructor(base: ByteSource, pieces: readonly number[]) {
    this.#base = base;
    const count = pieces.length >> 1;
    this.#starts = new Float64Array(count + 1);
    this.#offsets = new Float64Array(count);
    let total = 0;
    for (let index = 0; index < count; index++) {
      this.#offsets[index] = pieces[2 * index]!;
      this.#starts[index] = total;
      total += pieces[2 * index + 1]!;
    }
    this.#starts[count] = total;
    this.sizeBytes = total;
  }

  read(offset: number, length: number): Uint8Array {
    const wanted = Math.min(length, this.sizeBytes - offset);
    if (!(wanted > 0) || offset < 0) return EMPTY;
    let piece = this.#find(offset);
    const within = offset - this.#starts[piece]!;
    const first = this.#base.read(this.#offsets[piece]! + within, Math.min(wanted, this.#length(piece) - within));
    if (first.length >= wanted) return first;
    const joined = new Uint8Array(wanted);
    joined.set(first);
    let filled = first.length;
    while (filled < wanted && ++piece < this.#offsets.length) {
      const part = this.#base.read(this.#offsets[piece]!, Math.min(wanted - filled, this.#length(piece)));
      joined.set(part, filled);
      filled += part.length;
    }
    return joined.subarray(0, filled);
  }

  #length(piece: number): number {
    return this.#starts[piece + 1]! - this.#starts[piece]!;
  }

  /** The piece that holds `offset`; walks are sequential, so the last one or its successor nearly always does. */
  #find(offset: number): number {
    const starts = this.#starts;
    for (let near = this.#last; near < Math.min(this.#last + 2, this.#offsets.length); near++) {
      if (offset >= starts[near]! && offset < starts[near + 1]!) {
        this.#last = near;
        return near;
      }
    }
    let low = 0;
    let high = this.#offsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    this.#last = low;
    return low;
  }
}

/** The same bytes, for reading numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes as Latin-1 text: box names, chunk names, codec ids. */
export function latin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  for (let index = start; index < Math.min(end, bytes.length); index++) text += String.fromCharCode(bytes[index]!);
  return text;
}
