import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoop, longestRun, loopRatio } from './looped-text.ts';

describe('isLoop', () => {
  it('sees words and phrases that go round', () => {
    assert.ok(isLoop('no '.repeat(12)));
    assert.ok(isLoop('and I was going to say '.repeat(5)));
    assert.ok(isLoop('謝謝大家'.repeat(40)));
    assert.ok(isLoop(`It began well. ${'So we went on. '.repeat(9)}`));
  });

  it('lets people repeat themselves', () => {
    for (const text of [
      '',
      'No, no, no, no, no!',
      'ha ha ha ha ha ha',
      'Row, row, row your boat, gently down the stream.',
      'I know, I know, I know.',
    ]) {
      assert.equal(isLoop(text), false, text);
    }
  });
});

describe('longestRun', () => {
  it('tells which phrase goes round and how often', () => {
    assert.deepEqual(longestRun('Well. No no no no'), { phraseWords: 1, times: 4, share: 0.8 });
    assert.deepEqual(longestRun(`now then so ${'go on then '.repeat(7)}`), {
      phraseWords: 3,
      times: 7,
      share: 21 / 24,
    });
    assert.deepEqual(longestRun('謝謝大家'.repeat(9)), { phraseWords: 4, times: 9, share: 1 });
    assert.deepEqual(longestRun(''), { phraseWords: 1, times: 1, share: 1 });
  });
});

describe('loopRatio', () => {
  it('does not take a text for a loop because it is long', () => {
    // Words of a small vocabulary in an order that does not repeat.
    const vocabulary = 'the of and to in that was his he with as it had for her not at on she but'.split(' ');
    let seed = 7;
    const words = Array.from({ length: 20_000 }, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return `${vocabulary[seed % vocabulary.length]}${seed % 89}`;
    });
    assert.ok(loopRatio(words.join(' ')) < 2.4);
    assert.ok(loopRatio(`${words.slice(0, 900).join(' ')} ${'and so on and on '.repeat(60)}`) > 2.4);
  });
});
