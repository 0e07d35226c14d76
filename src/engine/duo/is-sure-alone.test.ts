import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { highBandRangeDb } from './high-band-range.ts';
import { isSureAlone } from './is-sure-alone.ts';

const RATE = 16_000;
const limits = { leastConfidence: 0.95, leastFlatConfidence: 0.975, flatBelowDb: 22 };

/** Two seconds: a low tone throughout, and a high one that swells to the given strength and is gone in turn. */
function tones(highHz: number, strength: number): Float32Array {
  return Float32Array.from({ length: 2 * RATE }, (_, index) => {
    const swell = Math.max(0, Math.sin((2 * Math.PI * 2 * index) / RATE)) ** 2;
    const high = swell * strength * Math.sin((2 * Math.PI * highHz * index) / RATE);
    // The quiet parts have a little of everything, as rooms do.
    const room = 0.001 * Math.sin((2 * Math.PI * 6_100 * index) / RATE);
    return 0.3 * Math.sin((2 * Math.PI * 300 * index) / RATE) + high + room;
  });
}

const open = tones(5_500, 0.1);
const call = tones(2_500, 0.1);

describe('highBandRangeDb', () => {
  it('is large where speech has sharp sounds above the band of a telephone, and small where only the room is there', () => {
    assert.ok(Math.abs(highBandRangeDb(open) - 40) < 1);
    assert.ok(Math.abs(highBandRangeDb(call)) < 1);
  });

  it('does not hear what a telephone passes, however loud, and not how loud the whole is', () => {
    assert.ok(highBandRangeDb(tones(3_400, 0.5)) < 3);
    assert.ok(Math.abs(highBandRangeDb(open.map((one) => one / 8)) - highBandRangeDb(open)) < 0.5);
  });

  it('is 0 for silence and for sound that is too short to tell', () => {
    assert.equal(highBandRangeDb(new Float32Array(RATE)), 0);
    assert.equal(highBandRangeDb(new Float32Array(100)), 0);
    assert.equal(highBandRangeDb(new Float32Array(0)), 0);
  });
});

describe('isSureAlone', () => {
  const sureOf = (confidence: number, rangeDb: number) => isSureAlone(confidence, () => rangeDb, limits);

  it('asks the other model below the least confidence, whatever the sound is', () => {
    assert.deepEqual([sureOf(0.94, 40), sureOf(0.95, 40)], [false, true]);
  });

  it('asks for more confidence where the upper band is flat', () => {
    assert.deepEqual([sureOf(0.96, 21), sureOf(0.98, 21)], [false, true]);
  });

  it('looks at the sound only where it matters', () => {
    const looked = () => assert.fail('looked');
    assert.equal(isSureAlone(0.5, looked, limits), false);
    assert.equal(isSureAlone(0.99, looked, limits), true);
  });
});
