import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remarkWords } from './annotations.ts';

const kept = (text: string) => {
  const words = text.split(' ').filter(Boolean);
  const remarks = remarkWords(words);
  return words.filter((_, index) => !remarks.has(index)).join(' ');
};

describe('remarkWords', () => {
  it('finds remarks about the sound, also without their end', () => {
    for (const text of [
      '[BLANK_AUDIO]',
      '(upbeat music)',
      '[ Silence',
      '♪ ♪',
      '♪ la la ♪',
      '*sighs*',
      '【音楽】',
      '（拍手）',
      '(humming)',
    ]) {
      assert.equal(kept(text), '', text);
    }
  });

  it('leaves the speech around them', () => {
    assert.equal(kept('Well, [MUSIC PLAYING] here we are. (laughs)'), 'Well, here we are.');
    assert.equal(kept('He paused (coughing) and went on.'), 'He paused and went on.');
  });

  it('keeps spoken words in round brackets', () => {
    const text = 'The second point (and I mean it) is this.';
    assert.equal(kept(text), text);
  });

  it('does not swallow a text after a bracket that nobody closed', () => {
    const text = '[ and then he said that all of them should come home at once';
    assert.equal(kept(text), text);
  });

  it('takes a text that is nothing but laughter for none, and leaves laughter among words', () => {
    for (const text of ['hahaha', 'Ha ha ha!', 'Ahahah', 'хахаха', 'jajaja', '哈哈哈'])
      assert.equal(kept(text), '', text);
    for (const text of ['Ha!', 'He.', 'Hi, hi.', 'Haha, very funny.']) assert.equal(kept(text), text);
  });
});
