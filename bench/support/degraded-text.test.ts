import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { degradedText } from './degraded-text.ts';
import { wordErrorRate, wordErrors } from './word-error-rate.ts';

/** Words that all differ, spelt with letters alone: the normal form of English writes numbers in its own way. */
const letters = (number: number) => [...String(number)].map((digit) => 'bcdfghjklm'[Number(digit)]).join('');
const reference = Array.from({ length: 3000 }, (_, index) => `x${letters((index * 7919) % 9973)}`).join(' ');

describe('degradedText', () => {
  it('is wrong in the share of words that was asked for', () => {
    for (const share of [0, 0.04, 0.2]) {
      const rate = wordErrorRate([wordErrors(reference, degradedText(reference, share, 1))]);
      assert.ok(Math.abs(rate - 100 * share) <= 1.5, `${rate} for ${share}`);
    }
  });

  it('is the same for the same seed and another for another', () => {
    assert.equal(degradedText(reference, 0.1, 7), degradedText(reference, 0.1, 7));
    assert.notEqual(degradedText(reference, 0.1, 7), degradedText(reference, 0.1, 8));
  });
});
