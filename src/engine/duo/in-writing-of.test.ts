import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeardWord } from '../protocol.ts';
import { inWritingOf } from './in-writing-of.ts';

/** A word of the given tokens. */
function word(...parts: string[]): HeardWord {
  const tokens = parts.map((part, index) => ({ id: index, bytes: Buffer.from(part), logprob: -0.1 }));
  return { text: parts.join('').trim(), glued: false, startMs: null, endMs: null, tokens, confidence: null };
}

const written = (words: readonly HeardWord[]) => words.map((one) => one.text).join(' ');

describe('inWritingOf', () => {
  it('gives the last word the signs that stood in its place', () => {
    assert.equal(written(inWritingOf([word(' shop', '-', 'boy')], [word(' shopb', 'oy', '.')])), 'shop-boy.');
    assert.equal(written(inWritingOf([word(' chose', ','), word(' men', ',')], [word(' them', '?')])), 'chose, men?');
  });

  it('takes signs away that the writer did not set', () => {
    assert.equal(written(inWritingOf([word(' noon', '.')], [word(' moon')])), 'noon');
  });

  it('keeps text and tokens one', () => {
    const [last] = inWritingOf([word(' noon')], [word(' moon', '.')]);
    assert.equal(
      Buffer.concat(last!.tokens.map((token) => token.bytes))
        .toString()
        .trim(),
      last!.text,
    );
  });

  it('leaves words alone whose signs are not tokens of their own, and where nothing was in their place', () => {
    assert.equal(written(inWritingOf([word(' noon.')], [word(' moon', ',')])), 'noon.');
    assert.equal(written(inWritingOf([word(' noon')], [word(' moon.')])), 'noon');
    assert.equal(written(inWritingOf([word(' noon', '.')], [])), 'noon.');
    assert.deepEqual(inWritingOf([], [word(' moon', '.')]), []);
  });
});
