import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WhisperTokenizer } from './whisper-tokenizer.ts';

/** All single bytes, then merges in the order in which they were learnt. */
const merges = ['he', 'll', 'hell', 'hello', ' h', ' hello', 'lo', "'s", ' 1', '12', '\u00e6\u0097'];
const lines = [
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...merges.map((text) => Buffer.from(text, 'latin1')),
]
  .map((bytes, id) => `${Buffer.from(bytes).toString('base64')} ${id}`)
  .join('\n');
const idOf = (text: string) => (text.length === 1 ? text.charCodeAt(0) : 256 + merges.indexOf(text));
const ids = (...parts: string[]) => parts.map(idOf);

describe('WhisperTokenizer', () => {
  const tokenizer = new WhisperTokenizer(lines);

  it('joins the pair that was learnt first, then what that makes possible', () => {
    assert.deepEqual(tokenizer.encode('hello'), ids('hello'));
    // "ll" was learnt before "lo", which leaves nothing for "lo" to join.
    assert.deepEqual(tokenizer.encode('llo'), ids('ll', 'o'));
    assert.deepEqual(tokenizer.encode('lo'), ids('lo'));
  });

  it('puts the space in front of a word unless the word is glued to the one before', () => {
    assert.deepEqual(tokenizer.encodeWord('h'), ids(' h'));
    assert.deepEqual(tokenizer.encodeWord('h', true), ids('h'));
  });

  it('never joins over the border of a word, a number or a short form', () => {
    assert.deepEqual(tokenizer.encode("he's 12"), ids('he', "'s", ' 1', '2'));
  });

  it('gives back the bytes that went in, in every script', () => {
    for (const text of ['日本語', 'Łódź', 'नमस्ते', '🙂 ok', ' "quoted" — dash']) {
      const bytes = tokenizer.encode(text).map((id) => tokenizer.bytes(id));
      assert.equal(Buffer.concat(bytes).toString('utf8'), text);
    }
  });

  it('has no bytes for numbers that stand for no text', () => {
    assert.equal(tokenizer.bytes(50_363).length, 0);
  });

  it('refuses a file that is no byte-pair vocabulary', () => {
    assert.throws(() => new WhisperTokenizer('aGVsbG8= 0\n'), /not a Whisper vocabulary/);
    assert.throws(() => new WhisperTokenizer(''), /not a Whisper vocabulary/);
  });
});
