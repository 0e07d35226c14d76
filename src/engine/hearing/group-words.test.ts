import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupWords, isUnspacedBetween } from './group-words.ts';

/** A tokenizer whose tokens are the given pieces, in order. */
function grouped(...pieces: readonly (string | Uint8Array)[]) {
  const bytes = pieces.map((one) => (typeof one === 'string' ? Buffer.from(one) : one));
  const tokenizer = { encodeWord: () => [], bytes: (id: number) => bytes[id] ?? new Uint8Array() };
  const ids = pieces.map((_, index) => index);
  return groupWords(
    tokenizer,
    ids,
    ids.map((id) => -id),
  );
}
const written = (...pieces: readonly (string | Uint8Array)[]) =>
  grouped(...pieces).words.map((one) => (one.glued ? '+' : '') + one.text);

describe('groupWords', () => {
  it('begins a word at each space and keeps its punctuation', () => {
    assert.deepEqual(written(' Don', "'t", ' stop', ',', ' "', 'Anna', '."'), ["Don't", 'stop,', '"Anna."']);
  });

  it('gives Chinese and Japanese a word for each token, glued, with punctuation at its word', () => {
    assert.deepEqual(written('广州', '市', '，', '房', '地产', '。'), ['广州', '+市，', '+房', '+地产。']);
    assert.deepEqual(written('「', 'コー', 'ヒー', '」', 'です'), ['「コー', '+ヒー」', '+です']);
  });

  it('keeps an opening bracket with what follows it', () => {
    assert.deepEqual(written('他', '说', '《', '红', '》'), ['他', '+说', '+《红》']);
  });

  it('keeps Latin words and figures whole between unspaced characters', () => {
    assert.deepEqual(written('我', '用', 'Open', 'AI', '的', '20', '24', '年'), [
      '我',
      '+用',
      '+OpenAI',
      '+的',
      '+2024',
      '+年',
    ]);
  });

  it('keeps spaces in Korean and marks of Thai with their letters', () => {
    assert.deepEqual(written(' 그', '는', ' 길'), ['그는', '길']);
    assert.deepEqual(written('ก', 'ำ', 'ล', 'ั', 'ง'), ['กำ', '+ลั', '+ง']);
  });

  it('never cuts a character whose bytes lie in several tokens', () => {
    const [first, second, third] = Buffer.from('語');
    const { words, wordOfToken } = grouped('日', Uint8Array.of(first!, second!), Uint8Array.of(third!), '。');
    assert.deepEqual(
      words.map((one) => one.text),
      ['日', '語。'],
    );
    assert.deepEqual(wordOfToken, [0, 1, 1, 1]);
    assert.deepEqual(
      words[1]?.tokens.map((one) => one.logprob),
      [-1, -2, -3],
    );
  });

  it('goes on after a character that is never finished', () => {
    assert.deepEqual(written(Uint8Array.of(0x20, 0xe6), ' next'), ['\ufffd', 'next']);
  });

  it('has no word for tokens of nothing but space, but counts them', () => {
    const { words, wordOfToken } = grouped(' ', ' word', ' ');
    assert.deepEqual(
      words.map((one) => one.text),
      ['word'],
    );
    assert.deepEqual(wordOfToken, [-1, 0, -1]);
  });

  it('has nothing for nothing', () => {
    assert.deepEqual(grouped(), { words: [], wordOfToken: [] });
  });
});

describe('isUnspacedBetween', () => {
  it('is so between characters that are written without spaces, and nowhere else', () => {
    assert.equal(isUnspacedBetween('中国', '人'), true);
    assert.equal(isUnspacedBetween('中国', 'AI'), false);
    assert.equal(isUnspacedBetween('word', 'word'), false);
    assert.equal(isUnspacedBetween('', '人'), false);
  });
});
