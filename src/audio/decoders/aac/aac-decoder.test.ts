import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input } from 'mediabunny';
import {
  fingerprint,
  layouts,
  type SyntaxRecipe,
  syntaxOptions,
  syntaxPackets,
} from '../../../../test/fixtures/audio/make-aac-syntax.ts';
import { GatewayError } from '../../../core/errors.ts';
import { type AacConfig, AacDecoder, AacPacketError, parseAdtsFrame, parseAudioSpecificConfig } from './aac-decoder.ts';

const fixtures = new URL('../../../../test/fixtures/audio/', import.meta.url);
const shared = new URL('../../../../../shared/audio/formats/', import.meta.url);

interface Stream {
  readonly config: AacConfig;
  readonly packets: readonly Uint8Array[];
}

function readAdts(name: string): Stream {
  const bytes = readFileSync(new URL(name, fixtures));
  const packets: Uint8Array[] = [];
  let config: AacConfig | null = null;
  for (let at = 0; at < bytes.length; ) {
    const frame = parseAdtsFrame(bytes.subarray(at));
    config ??= frame.config;
    packets.push(frame.payload);
    at += frame.sizeBytes;
  }
  assert.ok(config !== null);
  return { config, packets };
}

async function readMp4(file: URL): Promise<Stream> {
  const input = new Input({ source: new FilePathSource(file.pathname), formats: ALL_FORMATS });
  const track = await input.getPrimaryAudioTrack();
  const description = (await track?.getDecoderConfig())?.description;
  assert.ok(track && description instanceof Uint8Array);
  const packets: Uint8Array[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet.data);
  input.dispose();
  return { config: parseAudioSpecificConfig(description), packets };
}

/** All samples of each channel. */
function decodeAll({ config, packets }: Stream): Float32Array[] {
  const decoder = new AacDecoder(config);
  const decoded = packets.map((packet) => decoder.decode(packet));
  return decoded[0]!.map((_, channel) => {
    const whole = new Float32Array(packets.length * config.frameLength);
    decoded.forEach((channels, index) => {
      whole.set(channels[channel]!, index * config.frameLength);
    });
    return whole;
  });
}

/** Amplitude of a sine of `frequency` hertz in the samples. */
function amplitudeAt(samples: Float32Array, frequency: number, sampleRate: number): number {
  let re = 0;
  let im = 0;
  let weight = 0;
  samples.forEach((sample, n) => {
    const window = Math.sin((Math.PI * (n + 0.5)) / samples.length) ** 2;
    re += window * sample * Math.cos((2 * Math.PI * frequency * n) / sampleRate);
    im += window * sample * Math.sin((2 * Math.PI * frequency * n) / sampleRate);
    weight += window;
  });
  return (2 * Math.hypot(re, im)) / weight;
}

function levelOf(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

function assertClose(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected}`);
}

/** The recipe of a stream that make-aac-syntax.ts can write, and what FFmpeg hears in it. */
interface SyntaxReference {
  readonly recipe: SyntaxRecipe;
  readonly packets: readonly (readonly (readonly [number, number])[])[];
}

function syntaxReferences(): SyntaxReference[] {
  const lines = readFileSync(new URL('made-aac-syntax.jsonl', fixtures), 'utf8').trim().split('\n');
  return lines.map((line): SyntaxReference => JSON.parse(line));
}

function syntaxStream(recipe: SyntaxRecipe): Stream {
  const { objectType, sampleRate, frameLength } = syntaxOptions(recipe);
  const channels = { mono: 1, main: 1, stereo: 2, eight: 8 }[recipe.kind] ?? 0;
  return { config: { objectType, sampleRate, channels, sbr: false, frameLength }, packets: syntaxPackets(recipe) };
}

describe('AacDecoder', () => {
  it('decodes a stereo recording of two tones to these tones, each on its side', () => {
    const stream = readAdts('made-tones-44k-stereo.aac');
    assert.deepEqual([stream.config.sampleRate, stream.config.channels], [44_100, 2]);
    const [left, right] = decodeAll(stream);
    const middle = (samples: Float32Array) => samples.subarray(8_820, 26_460);
    // The encoder that made the file is a few hundredths off with tones this pure.
    assertClose(amplitudeAt(middle(left!), 440, 44_100), 0.4, 0.025, '440 Hz left');
    assertClose(amplitudeAt(middle(right!), 1_000, 44_100), 0.25, 0.025, '1 kHz right');
    assertClose(amplitudeAt(middle(left!), 1_000, 44_100), 0, 0.004, '1 kHz left');
    assertClose(amplitudeAt(middle(right!), 440, 44_100), 0, 0.004, '440 Hz right');
    assertClose(levelOf(middle(left!)), 0.4 / Math.SQRT2, 0.02, 'level left');
  });

  it('decodes a sweep from an MP4 file at the pitch of each moment', async () => {
    const stream = await readMp4(new URL('made-sweep-16k.m4a', fixtures));
    assert.deepEqual([stream.config.sampleRate, stream.config.channels], [16_000, 1]);
    const [samples] = decodeAll(stream);
    // The sound begins after 1024 samples of encoder delay and is at 200 + 1800 t hertz.
    for (const second of [0.25, 0.75, 1.25, 1.75]) {
      const from = 1_024 + second * 16_000 - 128;
      const here = amplitudeAt(samples!.subarray(from, from + 256), 200 + 1_800 * second, 16_000);
      assertClose(here, 0.4, 0.04, `sweep at ${second} s`);
    }
  });

  for (const { recipe, packets: expected } of syntaxReferences()) {
    it(`hears what FFmpeg hears in rare syntax (${recipe.kind}, frames of ${recipe.frameLength ?? 1024})`, () => {
      const stream = syntaxStream(recipe);
      const decoder = new AacDecoder(stream.config);
      stream.packets.forEach((packet, index) => {
        const channels = decoder.decode(packet);
        assert.equal(channels.length, expected[index]!.length);
        channels.forEach((samples, channel) => {
          const [level, product] = fingerprint(samples);
          const [expectedLevel, expectedProduct] = expected[index]![channel]!;
          const tolerance = 1e-3 * expectedLevel + 1e-7;
          assertClose(level, expectedLevel, tolerance, `level of packet ${index}, channel ${channel}`);
          assertClose(product, expectedProduct, tolerance, `shape of packet ${index}, channel ${channel}`);
        });
      });
    });
  }

  it('is the same after a reset as when new', () => {
    const stream = readAdts('made-tones-44k-stereo.aac');
    const decoder = new AacDecoder(stream.config);
    for (const packet of stream.packets) decoder.decode(packet);
    decoder.reset();
    const fresh = new AacDecoder(stream.config);
    for (const packet of stream.packets) assert.deepEqual(decoder.decode(packet), fresh.decode(packet));
  });

  it('believes the packets where a stereo stream is labelled mono, and the other way round', () => {
    const stereo = syntaxStream({ kind: 'stereo', seed: 1, packetCount: 2, rateIndex: 4 });
    const mono = syntaxStream({ kind: 'mono', seed: 1, packetCount: 2, rateIndex: 4 });
    assert.equal(new AacDecoder(mono.config).decode(stereo.packets[0]!).length, 2);
    assert.equal(new AacDecoder(stereo.config).decode(mono.packets[0]!).length, 1);
  });

  it('refuses a packet that lacks a channel or has one too many, and decodes the next', () => {
    const eight = syntaxStream({ kind: 'eight', seed: 1, packetCount: 1, rateIndex: 4 });
    const stereo = syntaxStream({ kind: 'stereo', seed: 1, packetCount: 1, rateIndex: 4 });
    const decoder = new AacDecoder(stereo.config);
    // A stereo stream begins with a pair; the eight channels begin with a single one, then bring three pairs.
    assert.throws(() => decoder.decode(eight.packets[0]!), AacPacketError);
    assert.throws(() => new AacDecoder(eight.config).decode(stereo.packets[0]!), AacPacketError);
    assert.throws(() => decoder.decode(new Uint8Array(0)), AacPacketError);
    assert.throws(() => decoder.decode(new Uint8Array(70_000)), AacPacketError);
    assert.equal(decoder.decode(stereo.packets[0]!).length, 2);
  });

  it('refuses profiles that it does not know', () => {
    const config = { objectType: 4, sampleRate: 44_100, channels: 2, sbr: false, frameLength: 1024 } as const;
    assert.throws(
      () => new AacDecoder(config),
      (error) => error instanceof GatewayError && error.message.includes('LTP'),
    );
    assert.throws(() => new AacDecoder({ ...config, objectType: 2, channels: 9 }), GatewayError);
  });

  it('meets damaged packets with AacPacketError or sound in range, and recovers in two packets', () => {
    const random = seededRandom(20_261_121);
    const below = (count: number) => Math.floor(random() * count);
    const streams = [
      readAdts('made-tones-44k-stereo.aac'),
      ...Object.keys(layouts).map((kind) => syntaxStream({ kind, seed: 3, packetCount: 12, rateIndex: 4 })),
      syntaxStream({ kind: 'stereo', seed: 4, packetCount: 12, rateIndex: 8, frameLength: 960 }),
    ];
    let refused = 0;
    for (const stream of streams) {
      const clean = new AacDecoder(stream.config);
      const expected = stream.packets.slice(0, 2).map((packet) => clean.decode(packet));
      const decoder = new AacDecoder(stream.config);
      for (let round = 0; round < 800; round += 1) {
        const damaged = Uint8Array.from(stream.packets[below(stream.packets.length)]!);
        for (let flips = below(6); flips > 0; flips -= 1) damaged[below(damaged.length)]! ^= 1 << below(8);
        const cut = random() < 0.3 ? damaged.subarray(0, below(damaged.length)) : damaged;
        try {
          for (const samples of decoder.decode(cut)) {
            assert.ok(samples.every((sample) => sample >= -1 && sample <= 1));
          }
        } catch (error) {
          assert.ok(error instanceof AacPacketError, String(error));
          refused += 1;
        }
      }
      // The Main profile's predictors learn from what they hear, so they alone carry damage on.
      if (stream.config.objectType === 1) continue;
      decoder.decode(stream.packets[0]!);
      assert.deepEqual(decoder.decode(stream.packets[1]!), expected[1]);
    }
    assert.ok(refused > 1_000);
  });

  it('never takes longer than a packet can hold for random bytes', () => {
    const random = seededRandom(7);
    const decoder = new AacDecoder({ objectType: 2, sampleRate: 48_000, channels: 2, sbr: false, frameLength: 1024 });
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(random() * 900) }, () => random() * 256);
      try {
        decoder.decode(bytes);
      } catch (error) {
        assert.ok(error instanceof AacPacketError, String(error));
      }
    }
  });
});

const skip = existsSync(shared) ? false : 'no ../shared';

describe('AacDecoder with real recordings', { skip }, () => {
  it('decodes a speech file to the sound that it was made from', async () => {
    const [decoded] = decodeAll(await readMp4(new URL('aac-44k-moov-last.m4a', shared)));
    const wav = readFileSync(new URL('pcm24-44k-stereo.wav', shared));
    const data = wav.indexOf('data', 0, 'latin1') + 8;
    let signal = 0;
    let error = 0;
    for (let n = 0; n < 12 * 44_100; n += 1) {
      const original = wav.readIntLE(data + 6 * n, 3) / 2 ** 23;
      signal += original ** 2;
      error += (decoded![n + 1_024]! - original) ** 2;
    }
    assert.ok(10 * Math.log10(signal / error) > 10, `${10 * Math.log10(signal / error)} dB`);
  });

  for (const [name, channels, seconds] of [
    ['jfk-44k.m4a', 1, 11],
    ['video-aac-48k.mp4', 1, 12.6],
    ['eight-channels.m4a', 8, 8.06],
  ] as const) {
    it(`decodes every packet of ${name}, with sound in every channel`, async () => {
      const stream = await readMp4(new URL(name, shared));
      const decoded = decodeAll(stream);
      assert.equal(decoded.length, channels);
      assertClose(decoded[0]!.length / stream.config.sampleRate, seconds, 0.1, 'seconds');
      for (const samples of decoded)
        assert.ok(levelOf(samples) > 0.001 && levelOf(samples) < 0.5, `${levelOf(samples)}`);
    });
  }
});

/** Numbers from 0 to 1, the same for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
