import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogMel } from './log-mel.ts';
import { PairedSpectrum, SPECTRUM_BINS, SPECTRUM_POINTS } from './paired-spectrum.ts';

/** Numbers that look like noise, the same in every run. */
function noise(length: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31 - 0.5;
  });
}

/** Squared magnitudes by the definition, sum by sum. */
function slowSpectrum(frame: Float64Array): Float64Array {
  return Float64Array.from({ length: SPECTRUM_BINS }, (_, bin) => {
    let real = 0;
    let imaginary = 0;
    frame.forEach((sample, index) => {
      real += sample * Math.cos((2 * Math.PI * bin * index) / SPECTRUM_POINTS);
      imaginary -= sample * Math.sin((2 * Math.PI * bin * index) / SPECTRUM_POINTS);
    });
    return real * real + imaginary * imaginary;
  });
}

describe('PairedSpectrum', () => {
  it('gives the spectrum of either frame as the definition does', () => {
    const first = noise(SPECTRUM_POINTS, 1);
    const second = noise(SPECTRUM_POINTS, 2);
    const powers = { first: new Float64Array(SPECTRUM_BINS), second: new Float64Array(SPECTRUM_BINS) };
    new PairedSpectrum().transform(first, second, powers);
    for (const [fast, slow] of [
      [powers.first, slowSpectrum(first)],
      [powers.second, slowSpectrum(second)],
    ] as const) {
      fast.forEach((power, bin) => {
        assert.ok(Math.abs(power - slow[bin]!) < 1e-9, `bin ${bin}`);
      });
    }
  });
});

describe('LogMel', () => {
  it('gives the figures of the reference for a tone of 1 kHz', () => {
    const tone = Float32Array.from(
      { length: 16_000 },
      (_, index) => 0.5 * Math.sin((2 * Math.PI * 1000 * index) / 16_000),
    );
    const mel = new LogMel(80).of(tone, 110);
    // From a reference in NumPy, with OpenAI's filters: band by frame.
    for (const [band, frame, expected] of REFERENCE) {
      assert.ok(
        Math.abs(mel[band * 110 + frame]! - expected) < 1e-5,
        `band ${band}, frame ${frame}: ${mel[band * 110 + frame]}`,
      );
    }
  });

  it('hears silence at the floor, whatever the length', () => {
    for (const samples of [0, 1, 79, 16_000]) {
      const mel = new LogMel(80).of(new Float32Array(samples), 200);
      assert.ok(mel.every((value) => value === -1.5));
    }
  });

  it('takes samples that are no numbers for silence', () => {
    const sound = Float32Array.from(noise(8_000, 3));
    const broken = Float32Array.from(sound);
    const mended = Float32Array.from(sound);
    for (const [index, fault] of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].entries()) {
      broken[1000 * index + 500] = fault;
      mended[1000 * index + 500] = 0;
    }
    assert.deepEqual(new LogMel(80).of(broken, 60), new LogMel(80).of(mended, 60));
  });

  it('leaves out sound beyond the frames', () => {
    const sound = Float32Array.from(noise(48_000, 4));
    assert.deepEqual(new LogMel(128).of(sound, 100), new LogMel(128).of(sound.subarray(0, 16_000), 100));
  });
});

const REFERENCE: readonly (readonly [number, number, number])[] = [
  [0, 0, 0.799748],
  [20, 0, 1.010665],
  [26, 0, 1.127864],
  [26, 50, 1.439652],
  [27, 50, 1.283269],
  [25, 50, 1.341125],
  [10, 50, -0.560348],
  [60, 99, -0.374017],
  [79, 100, -0.05163],
  [26, 101, 0.354666],
  [40, 105, -0.560348],
];
