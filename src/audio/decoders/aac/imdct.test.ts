import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Imdct } from './imdct.ts';

describe('Imdct', () => {
  for (const length of [1024, 960, 128, 120]) {
    it(`equals the definition for ${length} coefficients, wherever they begin`, () => {
      const from = 7;
      const spectrum = Float64Array.from({ length: length + from }, (_, k) => Math.sin(k * k + 1));
      const samples = new Float64Array(2 * length);
      new Imdct(length).inverse(spectrum, from, samples);
      // A few dozen places, spread over the frame, are as good as all and far quicker.
      for (let n = 0; n < 2 * length; n += 61) {
        let expected = 0;
        for (let k = 0; k < length; k += 1) {
          expected += spectrum[from + k]! * Math.cos((Math.PI / length) * (n + (length + 1) / 2) * (k + 0.5));
        }
        assert.ok(Math.abs(samples[n]! - expected / length) < 1e-10);
      }
    });
  }
});
