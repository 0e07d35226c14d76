import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blockSureness } from './block-sureness.ts';
import { wordBlocks } from './word-blocks.ts';

describe('blockSureness', () => {
  const blocks = wordBlocks(['the', 'cat', 'sat', 'down'], ['the', 'hat', 'sat']);

  it('tells for each differing block which model is surer of its words there, and of its whole text', () => {
    const [first, second, ...others] = blockSureness([0.9, 0.9, 0.9], [0.9, 0.5, 0.9, 0.9], blocks);
    assert.ok(first && second && others.length === 0);
    assert.ok(Math.abs(first.surerWords - Math.log(9)) < 1e-9);
    assert.ok(first.surerText > 0);
    assert.equal(first.surerText, second.surerText);
  });

  it('says nothing of words where one side has none', () => {
    assert.equal(blockSureness([0.9, 0.9, 0.9], [0.9, 0.5, 0.9, 0.9], blocks)[1]?.surerWords, 0);
  });

  it('stays bounded where a model claims to be certain', () => {
    const [first] = blockSureness([1, 1, 1], [0, 0, 0, 0], blocks);
    assert.deepEqual(first, { surerWords: 5, surerText: 5 });
  });
});
