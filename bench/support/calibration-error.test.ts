import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedCalibrationError, judgedWords, reliabilityBins } from './calibration-error.ts';

const word = (text: string, confidence: number | null = 0.5) => ({ text, confidence });

describe('judgedWords', () => {
  it('calls a word right when the reference has it there', () => {
    const judged = judgedWords('the quick brown fox', [word('The'), word('brick'), word('brown'), word('fox.')]);
    assert.deepEqual(
      judged.map((one) => one.right),
      [true, false, true, true],
    );
  });

  it('leaves out fillers and words without a confidence', () => {
    assert.deepEqual(judgedWords('fine', [word('um,'), word('Fine.', 0.9), word('then', null)]), [
      { confidence: 0.9, right: true },
    ]);
  });
});

describe('expectedCalibrationError', () => {
  const words = (count: number, right: number, confidence: number) =>
    Array.from({ length: count }, (_, index) => ({ confidence, right: index < right }));

  it('is nothing when confidence is the share that is right', () => {
    assert.ok(expectedCalibrationError([...words(10, 9, 0.9), ...words(10, 3, 0.3)]) < 1e-9);
  });

  it('is the distance when it is not, weighted by words', () => {
    const all = [...words(30, 15, 0.95), ...words(10, 2, 0.2)];
    assert.ok(Math.abs(expectedCalibrationError(all) - (30 * 0.45) / 40) < 1e-9);
    assert.equal(reliabilityBins(all)[9]?.count, 30);
  });
});
