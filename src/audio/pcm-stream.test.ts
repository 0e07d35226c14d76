import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { burstStartsMs, fixtureBytes, madeRecordings, samples16, wavFile } from '../../test/helpers/audio-files.ts';
import { GatewayError } from '../core/errors.ts';
import { MemoryByteSource } from './byte-source.ts';
import { decodePcm, proveDecodable } from './pcm-stream.ts';
import { readRecording } from './recording.ts';

const limits = { maxDurationMs: 3_600_000, maxCpuMs: 15_000 };

async function hear(bytes: Uint8Array, fromSample = 0): Promise<{ pcm: Float32Array; durationMs: number }> {
  const source = new MemoryByteSource(bytes);
  const { plan, probe } = readRecording(source, limits);
  const samples: number[] = [];
  for await (const chunk of decodePcm(source, plan, { fromSample, check() {} })) {
    assert.ok(chunk.length > 0 && chunk.length <= 160_000);
    for (const sample of chunk) samples.push(sample);
  }
  return { pcm: Float32Array.from(samples), durationMs: probe.durationMs };
}

function level(pcm: Float32Array, fromMs: number, toMs: number): number {
  let sum = 0;
  for (let index = fromMs * 16; index < toMs * 16; index++) sum += pcm[index]! ** 2;
  return Math.sqrt(sum / ((toMs - fromMs) * 16));
}

describe('decodePcm', () => {
  for (const made of madeRecordings) {
    it(`hears ${made.file} in full, each sound at its time`, async () => {
      const { pcm, durationMs } = await hear(fixtureBytes(made.file));
      assert.ok(Math.abs(pcm.length / 16 - durationMs) <= 1, `${pcm.length / 16} ms heard of ${durationMs}`);
      const share = 1 / made.channels;
      const starts = burstStartsMs(pcm, 0.1 * share);
      assert.equal(starts.length, 2, `bursts at ${starts}`);
      for (const [index, expected] of [500, 900].entries()) {
        const off = starts[index]! - expected - made.lateMs;
        assert.ok(Math.abs(off) <= 15, `burst at ${starts[index]} ms, expected at ${expected + made.lateMs}`);
      }
      // Half of full scale, averaged over the channels: nobody is lost, nothing is doubled.
      const loudness = level(pcm, 550 + made.lateMs, 650 + made.lateMs);
      assert.ok(Math.abs(loudness / ((0.5 * share) / Math.SQRT2) - 1) < 0.1, `level ${loudness}`);
    });
  }

  it('decodes every linear layout to the same numbers', async () => {
    const wave = (seconds: number) => 0.4 * Math.sin(2 * Math.PI * 500 * seconds);
    const reference = (await hear(wavFile({ formatTag: 1, bits: 16 }, samples16(1_600, 16_000, wave)))).pcm;
    const layouts: readonly (readonly [number, number, (view: DataView, at: number, value: number) => void, number])[] =
      [
        [1, 8, (view, at, value) => view.setUint8(at, Math.round(value * 127) + 128), 0.01],
        [1, 24, (view, at, value) => set24(view, at, Math.round(value * 8_388_607)), 1e-4],
        [1, 32, (view, at, value) => view.setInt32(at, Math.round(value * 2_147_483_647), true), 1e-4],
        [3, 32, (view, at, value) => view.setFloat32(at, value, true), 1e-4],
        [3, 64, (view, at, value) => view.setFloat64(at, value, true), 1e-4],
        [7, 8, (view, at, value) => view.setUint8(at, encodeMulaw(value)), 0.02],
      ];
    for (const [formatTag, bits, write, tolerance] of layouts) {
      const bytes = new Uint8Array((1_600 * bits) / 8);
      const view = new DataView(bytes.buffer);
      for (let index = 0; index < 1_600; index++) write(view, (index * bits) / 8, wave(index / 16_000));
      const { pcm } = await hear(wavFile({ formatTag, bits }, bytes));
      for (let index = 0; index < 1_600; index++) {
        assert.ok(Math.abs(pcm[index]! - reference[index]!) < tolerance, `tag ${formatTag}, ${bits} bits`);
      }
    }
  });

  it('reads big-endian samples of RIFX', async () => {
    const little = samples16(800, 16_000, (seconds) => Math.sin(seconds * 900));
    const big = Uint8Array.from(little, (_, index) => little[index ^ 1]!);
    const one = await hear(wavFile({ formatTag: 1, bits: 16 }, little));
    const other = await hear(wavFile({ formatTag: 1, bits: 16, bigEndian: true }, big));
    assert.deepEqual(other.pcm, one.pcm);
  });

  it('turns damaged floats into silence, not into NaN', async () => {
    const bytes = new Uint8Array(4_000).fill(255);
    const { pcm } = await hear(wavFile({ formatTag: 3, bits: 32 }, bytes));
    assert.ok(pcm.every((value) => Number.isFinite(value) && Math.abs(value) <= 8));
  });

  it('averages the channels', async () => {
    const bytes = samples16(3_200, 16_000, () => 0);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < 1_600; index++) view.setInt16(index * 4 + 2, 16_384, true);
    const { pcm } = await hear(wavFile({ formatTag: 1, bits: 16, channels: 2 }, bytes));
    assert.ok(pcm.every((value) => Math.abs(value - 0.25) < 1e-3));
  });

  it('delivers the sound around damage in the middle, at its time', async () => {
    for (const file of [
      'made-opus-live.webm',
      'made-gapless.mp3',
      'made-aac.aac',
      'made-flac.flac',
      'made-vorbis.ogg',
    ]) {
      const bytes = fixtureBytes(file).slice();
      // Between the bursts: from 0.75 to 0.85 s of 1.2 s, roughly.
      const from = Math.floor(bytes.length * 0.68);
      for (let index = from; index < from + 20; index++) bytes[index] = bytes[index]! ^ 0x55;
      const { pcm } = await hear(bytes);
      assert.ok(burstStartsMs(pcm, 0.1)[0]! >= 450, file);
      assert.ok(pcm.length > 16_000, `${file}: ${pcm.length} samples`);
    }
  });

  it('starts at any sample, as if the rest had been heard before', async () => {
    for (const file of ['made-opus.ogg', 'made-gapless.mp3', 'made-vorbis.webm', 'made-aac.m4a', 'made-flac.flac']) {
      const whole = Buffer.concat([fixtureBytes(file)]);
      const all = (await hear(whole)).pcm;
      for (const from of [1, 5_000, all.length - 100]) {
        const { pcm } = await hear(whole, from);
        assert.equal(pcm.length, all.length - from);
        for (let index = 0; index < pcm.length; index++) {
          assert.ok(Math.abs(pcm[index]! - all[from + index]!) < 1e-4, `${file} from ${from}, sample ${index}`);
        }
      }
    }
  });

  it('skips without decoding when most has been heard, and lands on the same sample', async () => {
    const ramp = samples16(160_000, 8_000, (seconds) => 0.3 * Math.sin(2 * Math.PI * (100 + seconds * 20) * seconds));
    const wav = wavFile({ formatTag: 1, bits: 16, sampleRate: 8_000 }, ramp);
    const all = (await hear(wav)).pcm;
    const { pcm } = await hear(wav, 250_000);
    assert.equal(pcm.length, all.length - 250_000);
    for (let index = 0; index < pcm.length; index++) assert.ok(Math.abs(pcm[index]! - all[250_000 + index]!) < 1e-5);
  });

  it('calls a file unreadable in which nothing decodes', async () => {
    const flac = fixtureBytes('made-flac.ogg').slice();
    const source = (bytes: Uint8Array) => new MemoryByteSource(bytes);
    // Every frame keeps its head, so the walk counts it, and loses all else.
    for (let at = flac.indexOf(0xff); at >= 0; at = flac.indexOf(0xff, at + 1)) {
      if (flac[at + 1] === 0xf8) flac.fill(0, at + 7, Math.min(at + 60, flac.length));
    }
    const isUnreadable = (error: unknown) => error instanceof GatewayError && error.code === 'audio_unreadable';
    await assert.rejects(hear(flac), isUnreadable);
    await assert.rejects(
      proveDecodable(source(flac), () => {}),
      isUnreadable,
    );
    await proveDecodable(source(fixtureBytes('made-flac.ogg')), () => {});
  });

  it('stops when its check says so', async () => {
    const source = new MemoryByteSource(fixtureBytes('made-opus.ogg'));
    const { plan } = readRecording(source, limits);
    const stop = new Error('stop');
    const check = () => {
      throw stop;
    };
    await assert.rejects(async () => {
      for await (const _ of decodePcm(source, plan, { fromSample: 0, check }));
    }, stop);
  });
});

function set24(view: DataView, at: number, value: number): void {
  view.setUint8(at, value & 255);
  view.setUint8(at + 1, (value >> 8) & 255);
  view.setInt8(at + 2, value >> 16);
}

/** G.711, the textbook way. */
function encodeMulaw(value: number): number {
  const magnitude = Math.min(32_635, Math.abs(Math.round(value * 32_767))) + 132;
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  const code = (value < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15);
  return ~code & 0xff;
}
