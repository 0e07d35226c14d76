import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Resampler } from './resampler.ts';

function tone(rate: number, hertz: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, index) =>
    Math.sin((2 * Math.PI * hertz * index) / rate),
  );
}

function resample(input: Float32Array, from: number, to: number, step = input.length): Float32Array {
  const resampler = new Resampler(from, to);
  const parts: number[] = [];
  for (let at = 0; at < input.length; at += step) parts.push(...resampler.push(input.subarray(at, at + step)));
  parts.push(...resampler.flush());
  return Float32Array.from(parts);
}

function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
}

const rates = [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 44_056, 48_000, 96_000, 192_000, 383_999];

describe('Resampler', () => {
  it('keeps speech-band tones in place and in size, from every rate', () => {
    for (const rate of rates) {
      for (const hertz of [100, 1_000, Math.min(rate, 16_000) * 0.4]) {
        const output = resample(tone(rate, hertz, 0.25), rate, 16_000);
        assert.equal(output.length, 4_000);
        const expected = tone(16_000, hertz, 0.25);
        // The ends are next to silence; the filter smooths that edge.
        for (let index = 200; index < 3_800; index++) {
          const difference = Math.abs(output[index]! - expected[index]!);
          assert.ok(difference < 2e-3, `${rate} Hz, tone of ${hertz} Hz, sample ${index}: off by ${difference}`);
        }
      }
    }
  });

  it('keeps tones above the new Nyquist frequency out of the band', () => {
    for (const rate of [24_000, 32_000, 44_100, 48_000, 96_000]) {
      for (const hertz of [8_600, 10_000, rate * 0.45].filter((value) => value > 8_500 && value < rate / 2)) {
        const level = 20 * Math.log10(rms(resample(tone(rate, hertz, 0.25), rate, 16_000).subarray(200, 3_800)));
        assert.ok(level < -60, `${hertz} Hz at ${rate} Hz comes through at ${level.toFixed(1)} dB`);
      }
    }
  });

  it('gives the same output however the input is cut', () => {
    for (const rate of [8_000, 16_127, 44_100, 48_000]) {
      const input = tone(rate, 700, 0.3);
      const whole = resample(input, rate, 16_000);
      for (const step of [1, 7, 441, 1_000]) {
        const pieces = resample(input, rate, 16_000, step);
        assert.equal(pieces.length, whole.length);
        for (let index = 0; index < whole.length; index++) assert.ok(Math.abs(pieces[index]! - whole[index]!) < 1e-6);
      }
    }
  });

  it('goes on after a skip where it would have been without', () => {
    for (const rate of [8_000, 16_000, 44_100, 48_000]) {
      const input = tone(rate, 700, 1);
      const whole = resample(input, rate, 16_000);
      const resampler = new Resampler(rate, 16_000);
      const half = input.length / 2;
      const skipped = resampler.skip(half);
      const rest = [...resampler.push(input.subarray(half)), ...resampler.flush()];
      assert.equal(skipped + rest.length, whole.length);
      for (let index = 400; index < rest.length; index++) {
        assert.ok(Math.abs(rest[index]! - whole[skipped + index]!) < 1e-5);
      }
    }
  });

  it('passes equal rates through, and an empty input', () => {
    const input = tone(16_000, 440, 0.1);
    assert.deepEqual(resample(input, 16_000, 16_000), input);
    assert.equal(resample(new Float32Array(0), 48_000, 16_000).length, 0);
  });
});
