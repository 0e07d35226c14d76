import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { BitWriter } from '../../../../test/fixtures/audio/aac-bit-writer.ts';
import { type AlacConfig, AlacDecoder, AlacPacketError, parseAlacConfig } from './alac-decoder.ts';

/** The cookie and the packets of a file whose packets lie one after another. */
function readMp4(name: string): { readonly config: AlacConfig; readonly packets: readonly Uint8Array[] } {
  const bytes = readFileSync(new URL(`../../../../test/fixtures/audio/${name}`, import.meta.url));
  const cookieHead = bytes.indexOf('alac', bytes.indexOf('alac', bytes.indexOf('stsd')) + 4);
  const config = parseAlacConfig(bytes.subarray(cookieHead + 8));
  const sizes = bytes.indexOf('stsz') + 12;
  const packets: Uint8Array[] = [];
  let at = bytes.indexOf('mdat') + 4;
  for (let index = 0; index < bytes.readUInt32BE(sizes); index += 1) {
    const size = bytes.readUInt32BE(sizes + 4 + 4 * index);
    packets.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { config, packets };
}

function configOf(bitDepth: number, channels: number): AlacConfig {
  // `writeElement` holds the history where it is: high enough for no runs of zeros, which it does not know.
  const coder = { historyMultiplier: 40, initialHistory: 200, maxRiceBits: 14 };
  return { frameLength: 64, bitDepth, ...coder, channels, sampleRate: 44_100 };
}

interface Coding {
  readonly lowBitCount: number;
  readonly mixBits: number;
  readonly mixWeight: number;
  /** Predictor order 31: each value is the difference to the last. */
  readonly differences: boolean;
}

/** Signed numbers as the unsigned fields that hold them. */
function unsigned(value: number, bits: number): number {
  return value < 0 ? value + 2 ** bits : value;
}

/** Writes an element with raw samples, or coded so that each residual is sent whole. */
function writeElement(writer: BitWriter, depth: number, channels: readonly Int32Array[], coding: Coding | null): void {
  const count = channels[0]!.length;
  writer.write(channels.length - 1, 3);
  writer.write(0, 4 + 12);
  writer.write(1, 1);
  writer.write(coding === null ? 0 : coding.lowBitCount / 8, 2);
  writer.write(coding === null ? 1 : 0, 1);
  writer.write(count, 32);
  if (coding === null) {
    for (let at = 0; at < count; at += 1) {
      for (const channel of channels) writer.write(unsigned(channel[at]!, depth), depth);
    }
    return;
  }
  const { lowBitCount, mixBits, mixWeight, differences } = coding;
  writer.write(mixBits, 8);
  writer.write(unsigned(mixWeight, 8), 8);
  for (const _ of channels) {
    writer.write(0, 4 + 4);
    writer.write(0, 3);
    writer.write(differences ? 31 : 0, 5);
    if (differences) for (let k = 0; k < 31; k += 1) writer.write(0, 16);
  }
  const high = channels.map((channel) => channel.map((value) => value >> lowBitCount));
  for (let at = 0; at < count; at += 1) {
    for (const channel of channels)
      if (lowBitCount > 0) writer.write(channel[at]! & (2 ** lowBitCount - 1), lowBitCount);
  }
  const [left, right] = high;
  const sent =
    right === undefined || mixWeight === 0
      ? high
      : [
          left!.map((value, at) => right[at]! + ((mixWeight * (value - right[at]!)) >> mixBits)),
          left!.map((value, at) => value - right[at]!),
        ];
  const bits = depth - lowBitCount + channels.length - 1;
  for (const channel of sent) {
    channel.forEach((value, at) => {
      const residual = differences && at > 0 ? value - channel[at - 1]! : value;
      const wrapped = (residual << (32 - bits)) >> (32 - bits);
      const folded = wrapped < 0 ? -2 * wrapped - 1 : 2 * wrapped;
      writer.write(0x1ff, 9);
      writer.write(folded, bits);
    });
  }
}

/** Noise over the whole range of a depth, the extremes included. */
function noise(depth: number, count: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  const full = 2 ** (depth - 1);
  const samples = Int32Array.from({ length: count }, () => Math.floor((2 * random() - 1) * full));
  samples.set([full - 1, -full, 0, -1], seed);
  return samples;
}

function assertExact(decoded: readonly Float32Array[], expected: readonly Int32Array[], depth: number): void {
  assert.equal(decoded.length, expected.length);
  decoded.forEach((samples, channel) => {
    assert.deepEqual(
      samples,
      Float32Array.from(expected[channel]!, (value) => value / 2 ** (depth - 1)),
    );
  });
}

/** Numbers from 0 to 1, the same for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('AlacDecoder', () => {
  it('decodes a file of two tones and a silence to just these, sample for sample', () => {
    const { config, packets } = readMp4('made-tones-alac-16k.m4a');
    assert.deepEqual([config.sampleRate, config.channels, config.bitDepth], [16_000, 2, 16]);
    const decoder = new AlacDecoder(config);
    let at = 0;
    for (const packet of packets) {
      const [left, right] = decoder.decode(packet);
      left!.forEach((sample, n) => {
        const seconds = (at + n) / 16_000;
        const loudness = seconds < 0.375 ? 1 : 0;
        assert.ok(Math.abs(sample - loudness * 0.4 * Math.sin(2 * Math.PI * 440 * seconds)) < 2 / 32_768);
        assert.ok(Math.abs(right![n]! - loudness * 0.3 * Math.sin(2 * Math.PI * 1_000 * seconds)) < 2 / 32_768);
      });
      at += left!.length;
    }
    assert.equal(at, 8_000);
  });

  for (const depth of [16, 20, 24, 32]) {
    it(`gives back ${depth}-bit samples exactly, raw or coded, in one to eight channels`, () => {
      for (const channels of [1, 2, 3, 8]) {
        const samples = Array.from({ length: channels }, (_, channel) => noise(depth, 40, channel % 3));
        const split = depth === 32 ? 16 : depth === 24 ? 8 : 0;
        for (const coding of [
          null,
          { lowBitCount: split, mixBits: 0, mixWeight: 0, differences: false },
          { lowBitCount: split, mixBits: 2, mixWeight: 3, differences: false },
          { lowBitCount: split, mixBits: 1, mixWeight: -1, differences: true },
        ]) {
          const writer = new BitWriter();
          for (let channel = 0; channel < channels; channel += 2) {
            writeElement(writer, depth, samples.slice(channel, channel + 2), coding);
          }
          writer.write(7, 3);
          assertExact(new AlacDecoder(configOf(depth, channels)).decode(writer.toBytes()), samples, depth);
        }
      }
    });
  }

  it('skips data and fill elements', () => {
    const writer = new BitWriter();
    const samples = [noise(16, 10, 1)];
    writer.write(6, 3);
    writer.write(15, 4);
    writer.write(2, 8);
    writer.write(0, 8 * 16);
    writer.write(4, 3);
    writer.write(0, 4);
    writer.write(1, 1);
    writer.write(3, 8);
    writer.align();
    writer.write(0, 8 * 3);
    writeElement(writer, 16, samples, null);
    writer.write(7, 3);
    assertExact(new AlacDecoder(configOf(16, 1)).decode(writer.toBytes()), samples, 16);
  });

  it('refuses packets with channels missing, channels of two lengths, or more samples than a packet may have', () => {
    const packetOf = (...elements: readonly (readonly Int32Array[])[]) => {
      const writer = new BitWriter();
      for (const element of elements) writeElement(writer, 16, element, null);
      writer.write(7, 3);
      return writer.toBytes();
    };
    const long = noise(16, 10, 1);
    const short = noise(16, 9, 1);
    const stereo = new AlacDecoder(configOf(16, 2));
    assert.throws(() => stereo.decode(packetOf([long])), AlacPacketError);
    assert.throws(() => stereo.decode(packetOf([long], [short])), AlacPacketError);
    assert.throws(() => stereo.decode(packetOf([long], [long, long])), AlacPacketError);
    assert.throws(() => stereo.decode(packetOf([noise(16, 65, 1)], [long])), AlacPacketError);
    assert.throws(() => stereo.decode(new Uint8Array(0)), AlacPacketError);
    assert.throws(() => stereo.decode(new Uint8Array(1_000_000)), AlacPacketError);
    assertExact(stereo.decode(packetOf([long, long])), [long, long], 16);
  });

  it('meets damaged packets with AlacPacketError or sound in range, and decodes the next as if nothing had been', () => {
    const { config, packets } = readMp4('made-tones-alac-16k.m4a');
    const random = seededRandom(20_261_121);
    const below = (count: number) => Math.floor(random() * count);
    const decoder = new AlacDecoder(config);
    const expected = new AlacDecoder(config).decode(packets[0]!);
    let refused = 0;
    for (let round = 0; round < 3_000; round += 1) {
      const damaged = Uint8Array.from(packets[below(packets.length)]!);
      // Half of the flips go into the head, where they do the most.
      for (let flips = below(6); flips > 0; flips -= 1) {
        damaged[below(random() < 0.5 ? 48 : damaged.length)]! ^= 1 << below(8);
      }
      const cut = random() < 0.3 ? damaged.subarray(0, below(damaged.length)) : damaged;
      try {
        for (const samples of decoder.decode(cut)) {
          assert.ok(samples.every((sample) => sample >= -1 && sample <= 1));
        }
      } catch (error) {
        assert.ok(error instanceof AlacPacketError, String(error));
        refused += 1;
      }
    }
    assert.ok(refused > 500);
    assert.deepEqual(decoder.decode(packets[0]!), expected);
  });
});
