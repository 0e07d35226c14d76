import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { spreadWords } from './spread-words.ts';

describe('spreadWords', () => {
  it('gives words a share of the speech by their length, and none of the pauses', () => {
    const stretches = [
      { startMs: 1_000, endMs: 2_000 },
      { startMs: 5_000, endMs: 6_000 },
    ];
    assert.deepEqual(spreadWords(['abcd', 'ef', 'gh', 'ijkl', 'mnop'], stretches), [
      { startMs: 1_000, endMs: 1_500 },
      { startMs: 1_500, endMs: 1_750 },
      { startMs: 1_750, endMs: 2_000 },
      { startMs: 5_000, endMs: 5_500 },
      { startMs: 5_500, endMs: 6_000 },
    ]);
  });

  it('puts everything at the beginning when nobody speaks', () => {
    assert.deepEqual(spreadWords(['a', 'b'], []), [
      { startMs: 0, endMs: 0 },
      { startMs: 0, endMs: 0 },
    ]);
  });
});
