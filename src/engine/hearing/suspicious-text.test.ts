import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDense, isLoop, isSparse } from './suspicious-text.ts';

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

describe('isSparse', () => {
  it('doubts a few words over many seconds of speech', () => {
    assert.ok(isSparse('Chapter 31.', 12_000));
    assert.equal(isSparse('Chapter 31.', 1_500), false);
    assert.equal(isSparse('他说他明天不来', 4_500), false);
  });
});

describe('isDense', () => {
  it('doubts more text than anybody can say', () => {
    assert.ok(isDense('a sentence of some length', 500));
    assert.equal(isDense('a sentence of some length', 1_500), false);
    assert.ok(isDense('a', 0));
  });
});
