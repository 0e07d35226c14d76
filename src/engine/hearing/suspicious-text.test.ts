import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDense, isSparse } from './suspicious-text.ts';

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
