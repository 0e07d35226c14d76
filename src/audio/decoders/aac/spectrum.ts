import type { BitReader } from './bit-reader.ts';
import { type ChannelStream, NOISE_BOOK } from './channel-stream.ts';
import { HuffmanDecoder } from './huffman-decoder.ts';
import { spectralCodebooks } from './huffman-tables.ts';
import { AacPacketError } from './packet-error.ts';

/** What a codebook's values are (ISO/IEC 14496-3, table 4.151). */
interface CodebookShape {
  readonly dimension: 2 | 4;
  /** Signed values are in the codeword; the others are followed by a sign bit for each that is not zero. */
  readonly signed: boolean;
  readonly largest: number;
}

const shapes: readonly CodebookShape[] = [
  { dimension: 4, signed: true, largest: 1 },
  { dimension: 4, signed: true, largest: 1 },
  { dimension: 4, signed: false, largest: 2 },
  { dimension: 4, signed: false, largest: 2 },
  { dimension: 2, signed: true, largest: 4 },
  { dimension: 2, signed: true, largest: 4 },
  { dimension: 2, signed: false, largest: 7 },
  { dimension: 2, signed: false, largest: 7 },
  { dimension: 2, signed: false, largest: 12 },
  { dimension: 2, signed: false, largest: 12 },
  { dimension: 2, signed: false, largest: 16 },
];

/** Bits of one value in a packed tuple, and what is added to signed values to pack them. */
const FIELD_BITS = 5;
const FIELD_MASK = (1 << FIELD_BITS) - 1;
const SIGNED_OFFSET = 4;
const ESCAPE_VALUE = 16;
const ESCAPE_BOOK = 11;

/** A symbol's values, the first in the lowest five bits. */
function packTuple(symbol: number, { dimension, signed, largest }: CodebookShape): number {
  const base = signed ? 2 * largest + 1 : largest + 1;
  let rest = symbol;
  let packed = 0;
  for (let index = 0; index < dimension; index += 1) {
    const digit = rest % base;
    rest = Math.floor(rest / base);
    // The last value is the lowest digit, so it comes first here and is pushed up by those that follow.
    packed = (packed << FIELD_BITS) | (signed ? digit - largest + SIGNED_OFFSET : digit);
  }
  return packed;
}

const decoders: readonly HuffmanDecoder[] = spectralCodebooks.map(
  (codebook, index) => new HuffmanDecoder(codebook, (symbol) => packTuple(symbol, shapes[index]!)),
);

/** Reads the quantised coefficients of all bands; bands without any are zero. */
export function readSpectrum(reader: BitReader, stream: ChannelStream): void {
  const { info, codebooks, quantised } = stream;
  const { edges, maxBand } = info;
  const windowLength = edges[edges.length - 1]!;
  quantised.fill(0);
  let firstWindow = 0;
  for (let group = 0; group < info.groupCount; group += 1) {
    const windows = info.groupLengths[group]!;
    for (let band = 0; band < maxBand; band += 1) {
      const codebook = codebooks[group * maxBand + band]!;
      if (codebook === 0 || codebook >= NOISE_BOOK) continue;
      const decoder = decoders[codebook - 1]!;
      const { dimension, signed } = shapes[codebook - 1]!;
      const width = edges[band + 1]! - edges[band]!;
      for (let window = firstWindow; window < firstWindow + windows; window += 1) {
        const from = window * windowLength + edges[band]!;
        const to = from + width;
        if (signed) readSigned(reader, decoder, dimension, quantised, from, to);
        else if (codebook === ESCAPE_BOOK) readEscaped(reader, decoder, quantised, from, to);
        else readUnsigned(reader, decoder, dimension, quantised, from, to);
      }
    }
    firstWindow += windows;
  }
}

function readSigned(
  reader: BitReader,
  decoder: HuffmanDecoder,
  dimension: number,
  quantised: Int16Array,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at += dimension) {
    let packed = decoder.decode(reader);
    for (let index = 0; index < dimension; index += 1) {
      quantised[at + index] = (packed & FIELD_MASK) - SIGNED_OFFSET;
      packed >>>= FIELD_BITS;
    }
  }
}

function readUnsigned(
  reader: BitReader,
  decoder: HuffmanDecoder,
  dimension: number,
  quantised: Int16Array,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at += dimension) {
    let packed = decoder.decode(reader);
    for (let index = at; packed !== 0; index += 1) {
      const value = packed & FIELD_MASK;
      if (value !== 0) quantised[index] = reader.read(1) === 1 ? -value : value;
      packed >>>= FIELD_BITS;
    }
  }
}

function readEscaped(
  reader: BitReader,
  decoder: HuffmanDecoder,
  quantised: Int16Array,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at += 2) {
    const packed = decoder.decode(reader);
    if (packed === 0) continue;
    const first = packed & FIELD_MASK;
    const second = packed >>> FIELD_BITS;
    // Both signs stand before both escapes.
    const firstNegative = first !== 0 && reader.read(1) === 1;
    const secondNegative = second !== 0 && reader.read(1) === 1;
    const a = first === ESCAPE_VALUE ? readEscape(reader) : first;
    const b = second === ESCAPE_VALUE ? readEscape(reader) : second;
    quantised[at] = firstNegative ? -a : a;
    quantised[at + 1] = secondNegative ? -b : b;
  }
}

/** N ones, a zero, then N + 4 bits below a leading one: 16 to 8191, so N is 8 at most. */
function readEscape(reader: BitReader): number {
  let ones = 0;
  while (reader.readFlag()) {
    ones += 1;
    if (ones > 8) throw new AacPacketError('A coefficient of the AAC packet is out of range.');
  }
  return (1 << (ones + 4)) + reader.read(ones + 4);
}

/** Largest quantised magnitude: an escape, raised by four pulses at one place. */
const LARGEST_QUANTISED = 8191 + 4 * 15;
const powers = Float64Array.from({ length: LARGEST_QUANTISED + 1 }, (_, value) => value ** (4 / 3));
/** Gains of the scalefactors 0 to 255; 100 stands for one. */
const gains = Float64Array.from({ length: 256 }, (_, scalefactor) => 2 ** ((scalefactor - 100) / 4));

/** Turns quantised coefficients into the spectrum; bands of other codebooks become zero. */
export function dequantise(stream: ChannelStream): void {
  const { info, codebooks, scalefactors, quantised, spectrum } = stream;
  const { edges, maxBand } = info;
  const windowLength = edges[edges.length - 1]!;
  spectrum.fill(0);
  let firstWindow = 0;
  for (let group = 0; group < info.groupCount; group += 1) {
    const windows = info.groupLengths[group]!;
    for (let band = 0; band < maxBand; band += 1) {
      const cell = group * maxBand + band;
      const codebook = codebooks[cell]!;
      if (codebook === 0 || codebook >= NOISE_BOOK) continue;
      const gain = gains[scalefactors[cell]!]!;
      for (let window = firstWindow; window < firstWindow + windows; window += 1) {
        const to = window * windowLength + edges[band + 1]!;
        for (let at = window * windowLength + edges[band]!; at < to; at += 1) {
          const value = quantised[at]!;
          if (value > 0) spectrum[at] = powers[value]! * gain;
          else if (value < 0) spectrum[at] = -powers[-value]! * gain;
        }
      }
    }
    firstWindow += windows;
  }
}
