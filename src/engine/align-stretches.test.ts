import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canAlignStretches } from './align-stretches.ts';

describe('canAlignStretches', () => {
  it('takes parts that a model hears at once, whatever the length of the whole', () => {
    const stretch = (startMs: number, endMs: number) => ({ wordCount: 3, startMs, endMs });
    assert.ok(
      canAlignStretches([stretch(0, 9_000), stretch(9_000, 3_600_000 - 3_576_600), stretch(3_590_000, 3_600_000)]),
    );
    assert.equal(canAlignStretches([stretch(0, 9_000), stretch(10_000, 40_000)]), false);
  });
});
