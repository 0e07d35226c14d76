import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { differing, mixedWords, wordBlocks } from './word-blocks.ts';
import { wordKey } from './word-key.ts';

const words = (text: string) => text.split(' ').filter(Boolean);

describe('wordKey', () => {
  it('ignores case, punctuation and the kind of apostrophe, and keeps inner apostrophes', () => {
    assert.equal(wordKey('Don\u2019t,'), "don't");
    assert.equal(wordKey("'Tis"), 'tis');
    assert.equal(wordKey('—'), '');
    assert.equal(wordKey('Élan!'), 'élan');
  });
});

describe('wordBlocks', () => {
  it('is one agreed block for the same words in another writing', () => {
    assert.deepEqual(wordBlocks(words('Well, she said.'), words('well she said')), [
      { agreed: true, leftFrom: 0, leftTo: 3, rightFrom: 0, rightTo: 3 },
    ]);
  });

  it('joins neighbouring differences to one block', () => {
    const blocks = wordBlocks(words('the two-straw was near'), words('the Zara Thustra was near'));
    assert.deepEqual(differing(blocks), [{ agreed: false, leftFrom: 1, leftTo: 2, rightFrom: 1, rightTo: 3 }]);
  });

  it('has a block with an empty side where one text says more', () => {
    const [block] = differing(wordBlocks(words('a b'), words('a b c')));
    assert.deepEqual(block, { agreed: false, leftFrom: 2, leftTo: 2, rightFrom: 2, rightTo: 3 });
  });

  it('is one differing block when one text is empty, and nothing when both are', () => {
    assert.deepEqual(wordBlocks([], words('a b')), [
      { agreed: false, leftFrom: 0, leftTo: 0, rightFrom: 0, rightTo: 2 },
    ]);
    assert.deepEqual(wordBlocks([], []), []);
  });

  it('covers both texts without a gap, whatever they are', () => {
    const left = words('a b c d e f g a b');
    const right = words('b c x d f f g b q');
    let [leftAt, rightAt] = [0, 0];
    let before: boolean | null = null;
    for (const block of wordBlocks(left, right)) {
      assert.equal(block.leftFrom, leftAt);
      assert.equal(block.rightFrom, rightAt);
      assert.notEqual(block.agreed, before);
      [leftAt, rightAt, before] = [block.leftTo, block.rightTo, block.agreed];
    }
    assert.deepEqual([leftAt, rightAt], [left.length, right.length]);
  });
});

describe('mixedWords', () => {
  const left = words('The ancient mariner spoke low.');
  const right = words('the ancient marinate spoke slow');
  const blocks = wordBlocks(left, right);

  it('writes agreed words as the asked side does, and differing ones as chosen', () => {
    assert.equal(mixedWords(blocks, left, right, [false, true], 'left').join(' '), 'The ancient mariner spoke slow');
    assert.equal(mixedWords(blocks, left, right, [true, false], 'right').join(' '), 'the ancient marinate spoke low.');
  });

  it('gives back each text whole', () => {
    assert.deepEqual(mixedWords(blocks, left, right, [false, false], 'left'), left);
    assert.deepEqual(mixedWords(blocks, left, right, [true, true], 'right'), right);
  });
});
