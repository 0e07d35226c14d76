import type { StoredAudio } from './audio.ts';
import { type ByteSource, FileByteSource } from './byte-source.ts';

const empty = new Uint8Array(0);

/** A byte source that may hold a descriptor. */
export interface OpenSource extends ByteSource, Disposable {}

/** Opens a recording wherever it is stored; throws the system's error when a file cannot be opened. */
export function openStored(stored: StoredAudio): OpenSource {
  return stored.path === null ? new PiecesByteSource(stored.pieces) : new FileByteSource(stored.path);
}

/** What of a stored recording a decoding process is told; owners add methods to theirs, which cannot be sent. */
export function toSendable(stored: StoredAudio): StoredAudio {
  const { path, sizeBytes } = stored;
  return path === null ? { path, sizeBytes, pieces: stored.pieces } : { path, sizeBytes };
}

/** Bytes in memory that lie in several pieces. Reads within a piece are views; those across pieces are joined. */
export class PiecesByteSource implements OpenSource {
  readonly sizeBytes: number;
  readonly #pieces: readonly Uint8Array[];
  readonly #starts: Float64Array;
  #last = 0;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.#starts = new Float64Array(pieces.length);
    let total = 0;
    for (let index = 0; index < pieces.length; index++) {
      this.#starts[index] = total;
      total += pieces[index]!.length;
    }
    this.sizeBytes = total;
  }

  read(offset: number, length: number): Uint8Array {
    const wanted = Math.min(length, this.sizeBytes - offset);
    if (!(wanted > 0) || offset < 0) return empty;
    let index = this.#find(offset);
    const within = offset - this.#starts[index]!;
    const piece = this.#pieces[index]!;
    if (within + wanted <= piece.length) return piece.subarray(within, within + wanted);
    const joined = new Uint8Array(wanted);
    let filled = 0;
    for (let from = within; filled < wanted; from = 0) {
      const part = this.#pieces[index++]!.subarray(from, from + wanted - filled);
      joined.set(part, filled);
      filled += part.length;
    }
    return joined;
  }

  /** Nothing is held open. */
  [Symbol.dispose](): void {}

  /** The piece that holds `offset`; walks are sequential, so the last one or its successor nearly always does. */
  #find(offset: number): number {
    const starts = this.#starts;
    for (let near = this.#last; near < Math.min(this.#last + 2, starts.length); near++) {
      const end = starts[near]! + this.#pieces[near]!.length;
      if (offset >= starts[near]! && offset < end) {
        this.#last = near;
        return near;
      }
    }
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    this.#last = low;
    return low;
  }
}
