import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textConfidence } from './text-confidence.ts';

describe('textConfidence', () => {
  it('is the confidence of words that are all alike', () => {
    assert.ok(Math.abs(textConfidence([0.9, 0.9, 0.9]) - 0.9) < 1e-12);
  });

  it('lies between the lowest and the mean where one word is in doubt', () => {
    const one = textConfidence([1, 1, 1, 0.4]);
    assert.ok(one > 0.4 && one < 0.85, String(one));
  });

  it('is nothing without words, and little but not nothing with words that are surely wrong', () => {
    assert.equal(textConfidence([]), 0);
    assert.ok(Math.abs(textConfidence([0, 0]) - 0.001) < 1e-12);
  });
});
