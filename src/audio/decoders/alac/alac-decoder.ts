import { BitReader } from '../aac/bit-reader.ts';
import { skipData, skipFill } from '../aac/skipped-elements.ts';
import type { AlacConfig } from './alac-config.ts';
import { AlacPacketError } from './packet-error.ts';
import { accumulate, predict } from './predictor.ts';
import { readResiduals, readWide } from './residual.ts';

export { type AlacConfig, parseAlacConfig } from './alac-config.ts';
export { AlacPacketError } from './packet-error.ts';

const SINGLE = 0;
const PAIR = 1;
const LOW_FREQUENCY = 3;
const DATA = 4;
const FILL = 6;
const END = 7;

/** A packet of raw samples (32 bits, 8 channels) with room for its heads is as large as one gets. */
const BYTES_BEYOND_SAMPLES = 65_536;

/** How one channel of an element is coded. */
interface ChannelHead {
  readonly twice: boolean;
  readonly shift: number;
  readonly speed: number;
  readonly coefficients: Int16Array;
}

/** A decoder of Apple Lossless packets, after Apple's public description of the format. Packets stand alone. */
export class AlacDecoder {
  readonly #config: AlacConfig;
  readonly #scale: number;
  /** Two channels of whole samples, and the low bits that were split off from them. */
  readonly #values: readonly [Int32Array, Int32Array];
  readonly #lowBits: Uint16Array;

  constructor(config: AlacConfig) {
    this.#config = config;
    this.#scale = 2 ** (1 - config.bitDepth);
    this.#values = [new Int32Array(config.frameLength), new Int32Array(config.frameLength)];
    this.#lowBits = new Uint16Array(2 * config.frameLength);
  }

  /**
   * Decodes one packet to samples in -1..1: an array for each channel, in the order of the packet's elements (centre,
   * left, right, … by default), of `frameLength` samples or, at the end of a recording, fewer.
   * Throws AlacPacketError for a damaged packet, which leaves the decoder ready for the next one.
   */
  decode(packet: Uint8Array): Float32Array<ArrayBuffer>[] {
    const { channels, frameLength } = this.#config;
    if (packet.length > 4 * channels * frameLength + BYTES_BEYOND_SAMPLES) {
      throw new AlacPacketError('The ALAC packet is too large.');
    }
    const reader = new BitReader(packet, () => new AlacPacketError('The ALAC packet ends too early.'));
    const decoded: Float32Array<ArrayBuffer>[] = [];
    while (decoded.length < channels) {
      const tag = reader.read(3);
      switch (tag) {
        case SINGLE:
        case LOW_FREQUENCY:
          decoded.push(...this.#element(reader, 1));
          break;
        case PAIR:
          if (decoded.length + 2 > channels) throw new AlacPacketError('The ALAC packet has a channel too many.');
          decoded.push(...this.#element(reader, 2));
          break;
        case DATA:
          skipData(reader);
          break;
        case FILL:
          skipFill(reader);
          break;
        case END:
          throw new AlacPacketError('The ALAC packet lacks a channel of its stream.');
        default:
          throw new AlacPacketError('The ALAC packet has an element of an unknown kind.');
      }
    }
    if (decoded.some((samples) => samples.length !== decoded[0]!.length)) {
      throw new AlacPacketError('The channels of the ALAC packet are not of one length.');
    }
    return decoded;
  }

  /** There is nothing to forget: every packet stands alone. Present so that all decoders look alike. */
  reset(): void {}

  #element(reader: BitReader, channelCount: 1 | 2): Float32Array<ArrayBuffer>[] {
    const { bitDepth, frameLength } = this.#config;
    reader.skip(4);
    if (reader.read(12) !== 0) throw new AlacPacketError('The ALAC packet uses bits that have no meaning.');
    const partial = reader.readFlag();
    const lowBitCount = 8 * reader.read(2);
    const raw = reader.readFlag();
    const count = partial ? readWide(reader, 32) : frameLength;
    if (count > frameLength) throw new AlacPacketError('The ALAC packet has more samples than its stream allows.');
    const values = this.#values.slice(0, channelCount);
    if (raw) {
      for (let at = 0; at < count; at += 1) {
        for (const channel of values) channel[at] = (readWide(reader, bitDepth) << (32 - bitDepth)) >> (32 - bitDepth);
      }
    } else {
      this.#readCoded(reader, values, count, lowBitCount);
    }
    return values.map((channel) => {
      const samples = new Float32Array(count);
      // Only damaged packets make samples that need more bits than they have.
      for (let at = 0; at < count; at += 1) samples[at] = Math.min(Math.max(channel[at]! * this.#scale, -1), 1);
      return samples;
    });
  }

  #readCoded(reader: BitReader, values: readonly Int32Array[], count: number, lowBitCount: number): void {
    const { bitDepth, historyMultiplier, initialHistory, maxRiceBits } = this.#config;
    // The side channel of a pair needs one bit more.
    const bits = bitDepth - lowBitCount + values.length - 1;
    if (lowBitCount > 16 || bitDepth <= lowBitCount || bits > 32) {
      throw new AlacPacketError('The ALAC packet splits its samples in an unknown way.');
    }
    const mixBits = reader.read(8);
    const mixWeight = (reader.read(8) << 24) >> 24;
    const heads = values.map(() => readHead(reader));
    const lowBits = this.#lowBits;
    if (lowBitCount > 0) {
      for (let at = 0; at < count * values.length; at += 1) lowBits[at] = reader.read(lowBitCount);
    }
    values.forEach((channel, index) => {
      const { twice, shift, speed, coefficients } = heads[index]!;
      const parameters = { historyMultiplier: (historyMultiplier * speed) >> 2, initialHistory, maxRiceBits };
      readResiduals(reader, channel, count, { ...parameters, escapeBits: bits });
      if (twice) accumulate(channel, 1, count, 32 - bits);
      predict(channel, count, coefficients, shift, bits);
    });
    const [first, second] = values;
    if (second !== undefined && mixWeight !== 0) unmix(first!, second, count, mixBits, mixWeight);
    if (lowBitCount === 0) return;
    values.forEach((channel, index) => {
      for (let at = 0; at < count; at += 1) {
        channel[at] = (channel[at]! << lowBitCount) | lowBits[at * values.length + index]!;
      }
    });
  }
}

function readHead(reader: BitReader): ChannelHead {
  const twice = reader.read(4) !== 0;
  const shift = reader.read(4);
  const speed = reader.read(3);
  const coefficients = new Int16Array(reader.read(5));
  for (let k = 0; k < coefficients.length; k += 1) coefficients[k] = reader.read(16);
  return { twice, shift, speed, coefficients };
}

/** Turns the weighted middle and the difference into left and right. */
function unmix(first: Int32Array, second: Int32Array, count: number, mixBits: number, mixWeight: number): void {
  for (let at = 0; at < count; at += 1) {
    const difference = second[at]!;
    const left = (first[at]! + difference - (Math.imul(mixWeight, difference) >> mixBits)) | 0;
    first[at] = left;
    second[at] = left - difference;
  }
}
