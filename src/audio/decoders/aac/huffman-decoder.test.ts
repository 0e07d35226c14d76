import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BitReader } from './bit-reader.ts';
import { HuffmanDecoder } from './huffman-decoder.ts';
import { scalefactorCodebook, spectralCodebooks } from './huffman-tables.ts';

/** The bytes of a string of binary digits. */
function bytesOf(digits: string): Uint8Array {
  const padded = digits.padEnd(Math.ceil(digits.length / 8) * 8, '0');
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

describe('HuffmanDecoder', () => {
  it('decodes short and long codewords of the standard', () => {
    // Codeword and symbol pairs from ISO/IEC 14496-3, tables 4.A.1 and 4.A.4.
    const scalefactors = new HuffmanDecoder(scalefactorCodebook, (symbol) => symbol);
    const three = new HuffmanDecoder(spectralCodebooks[2]!, (symbol) => symbol);
    const words: readonly (readonly [HuffmanDecoder, string, number])[] = [
      [scalefactors, '0', 60],
      [scalefactors, '100', 59],
      [scalefactors, '1111111111111110011', 120],
      [three, '0', 0],
      [three, '1111111111111110', 74],
      [three, '1111111111111111', 62],
    ];
    for (const [decoder, word, symbol] of words) {
      const reader = new BitReader(bytesOf(word));
      assert.equal(decoder.decode(reader), symbol);
      assert.equal(reader.remaining, (8 - (word.length % 8)) % 8);
    }
  });

  it('has a codeword for every value and a value for every codeword in all twelve codebooks', () => {
    const sizes = [121, 81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289];
    [scalefactorCodebook, ...spectralCodebooks].forEach((codebook, index) => {
      // The constructor throws for a code that is not complete.
      assert.ok(new HuffmanDecoder(codebook, (symbol) => symbol));
      const symbols = Object.values(codebook).flat();
      assert.equal(symbols.length, sizes[index]);
      assert.equal(new Set(symbols).size, sizes[index]);
      assert.equal(Math.max(...symbols), sizes[index]! - 1);
    });
  });

  it('refuses a codebook with gaps', () => {
    assert.throws(() => new HuffmanDecoder({ 1: [0], 3: [1] }, (symbol) => symbol), RangeError);
  });
});
