import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { splitWords } from './split-words.ts';

const textsOf = (text: string, language: string | null = null) => splitWords(text, language).map((one) => one.text);

describe('splitWords', () => {
  it('parts words at spaces and leaves punctuation with them', () => {
    assert.deepEqual(textsOf(' Two tickets,\n "please". '), ['Two', 'tickets,', '"please".']);
    assert.ok(splitWords('Two tickets', 'en').every((word) => !word.glued));
  });

  it('parts scripts without spaces by dictionary, glued, with their punctuation', () => {
    const words = splitWords('我们走吧。「他说」不来，OK？', 'zh');
    assert.ok(words.length >= 5);
    assert.ok(words.slice(1).every((word) => word.glued));
    assert.ok(words.every((word) => /[\p{L}\p{N}]/u.test(word.text)));
    assert.equal(words.map((word) => word.text).join(''), '我们走吧。「他说」不来，OK？');
    assert.ok(textsOf('客観的実在の判断的知識が成立するのである。', 'ja').length >= 5);
  });

  it('loses and invents no character, whatever comes in', () => {
    const piece = fc.constantFrom('我', '们', '。', '「', '」', 'a', 'b.', ' ', '\n', '(', '¿', 'ไทย', '…', '1');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const words = splitWords(text, null);
        assert.equal(words.map((word) => word.text).join(''), text.replaceAll(/\s/gu, ''));
        assert.ok(words.every((word) => word.text !== ''));
      }),
    );
  });
});
