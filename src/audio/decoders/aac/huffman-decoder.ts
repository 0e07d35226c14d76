import type { BitReader } from './bit-reader.ts';
import type { Codebook } from './huffman-tables.ts';

/** Codewords up to this long are found with one look-up; longer ones (a small part of any stream) take a second. */
const ROOT_BITS = 10;
const LENGTH_BITS = 5;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

/**
 * A codebook as a look-up table. An entry is `value << 5 | codeword length`; a root entry below zero is the
 * complement of where the second table begins. Complete codes (all of ours are) leave no entry empty.
 */
export class HuffmanDecoder {
  readonly #entries: Int32Array;
  readonly #rootBits: number;
  readonly #maxBits: number;

  /** `toValue` turns a symbol into what `decode` returns: any integer from 0 to 2^26 - 1. */
  constructor(codebook: Codebook, toValue: (symbol: number) => number) {
    const rows = Object.entries(codebook).map(([length, symbols]) => ({ length: Number(length), symbols }));
    rows.sort((a, b) => a.length - b.length);
    const maxBits = Math.max(...rows.map((row) => row.length));
    const rootBits = Math.min(maxBits, ROOT_BITS);
    const tailBits = maxBits - rootBits;
    const entries: number[] = new Array(1 << rootBits).fill(0);
    let code = 0;
    let previousLength = 0;
    for (const { length, symbols } of rows) {
      code *= 2 ** (length - previousLength);
      previousLength = length;
      for (const symbol of symbols) {
        const entry = (toValue(symbol) << LENGTH_BITS) | length;
        if (length <= rootBits) {
          const first = code << (rootBits - length);
          entries.fill(entry, first, first + (1 << (rootBits - length)));
        } else {
          const root = code >>> (length - rootBits);
          if (entries[root] === 0) {
            entries[root] = ~entries.length;
            for (let fill = 0; fill < 1 << tailBits; fill += 1) entries.push(0);
          }
          const tail = code & ((1 << (length - rootBits)) - 1);
          const first = ~entries[root]! + (tail << (maxBits - length));
          entries.fill(entry, first, first + (1 << (maxBits - length)));
        }
        code += 1;
      }
    }
    if (code !== 2 ** maxBits) throw new RangeError('The Huffman codebook is not complete.');
    this.#entries = Int32Array.from(entries);
    this.#rootBits = rootBits;
    this.#maxBits = maxBits;
  }

  /** Reads one codeword and returns its value. */
  decode(reader: BitReader): number {
    const bits = reader.peek(this.#maxBits);
    const tailBits = this.#maxBits - this.#rootBits;
    let entry = this.#entries[bits >>> tailBits]!;
    if (entry < 0) entry = this.#entries[~entry + (bits & ((1 << tailBits) - 1))]!;
    reader.skip(entry & LENGTH_MASK);
    return entry >>> LENGTH_BITS;
  }
}
