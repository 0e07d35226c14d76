import { AacPacketError } from './packet-error.ts';

/**
 * Reads big-endian bit fields. Going past the last bit throws (AacPacketError unless the owner wants another error), so
 * every parse loop that reads comes to an end.
 */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #endBits: number;
  readonly #endError: () => Error;
  #position = 0;

  constructor(bytes: Uint8Array, endError: () => Error = () => new AacPacketError('The AAC data ends too early.')) {
    this.#endError = endError;
    // Four zero bytes behind the end let `peek` load 32 bits at once without a test for each byte.
    this.#bytes = new Uint8Array(bytes.length + 4);
    this.#bytes.set(bytes);
    this.#endBits = bytes.length * 8;
  }

  /** Bits that are left. */
  get remaining(): number {
    return this.#endBits - this.#position;
  }

  /** The next `count` bits (1 to 24), zeros behind the end, without going on. */
  peek(count: number): number {
    const bytes = this.#bytes;
    const at = this.#position >>> 3;
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return (word << (this.#position & 7)) >>> (32 - count);
  }

  skip(count: number): void {
    const next = this.#position + count;
    if (next > this.#endBits) throw this.#endError();
    this.#position = next;
  }

  /** An unsigned field of 1 to 24 bits. */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  readFlag(): boolean {
    return this.read(1) === 1;
  }

  /** Goes on to the next whole byte, counted from the first bit. */
  alignToByte(): void {
    this.skip(-this.#position & 7);
  }
}
