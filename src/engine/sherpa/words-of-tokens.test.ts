import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { transducerLanguages } from './model-languages.ts';
import { Vocabulary } from './vocabulary.ts';
import { wordsOfTokens } from './words-of-tokens.ts';

describe('words out of tokens', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(os.tmpdir(), 'fluxscribe-words-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  async function vocabularyOf(...symbols: string[]): Promise<Vocabulary> {
    const path = join(folder, 'tokens.txt');
    writeFileSync(path, symbols.map((symbol, id) => `${symbol} ${id}\r\n`).join(''));
    return Vocabulary.read(path);
  }

  /** Words with "+" before those that are glued. */
  function words(vocabulary: Vocabulary, ...shown: string[]): string[] {
    const tokens = shown.map((one, index) => ({ shown: one, startMs: index * 100, endMs: null, logprob: -0.1 }));
    return wordsOfTokens(tokens, vocabulary).map((word) => (word.glued ? '+' : '') + word.text);
  }

  it('begins a word at a space, wherever the vocabulary puts it', async () => {
    const vocabulary = await vocabularyOf('▁go', 'od', '▁', 'morn', 'ing', "'", 's', ',');
    assert.deepEqual(words(vocabulary, ' go', 'od', ',', ' ', 'morn', 'ing', "'", 's'), ['good,', "morning's"]);
    assert.deepEqual(words(vocabulary, 'od', '▁', 'ing'), ['od', 'ing']);
  });

  it('makes every token of Chinese, Japanese and Thai a word that is glued to the one before it', async () => {
    const vocabulary = await vocabularyOf(
      '我',
      '用',
      'i',
      'Ph',
      'one',
      '。',
      '「',
      'コ',
      'ー',
      'ヒー',
      'ก',
      'า',
      '▁好',
    );
    assert.deepEqual(words(vocabulary, '我', '用', 'i', 'Ph', 'one', '。', '我'), ['我', '+用', '+iPhone。', '+我']);
    assert.deepEqual(words(vocabulary, '我', '「', 'コ', 'ー', 'ヒー', '。'), ['我', '+「', '+コー', '+ヒー。']);
    assert.deepEqual(words(vocabulary, ' 好', ' 好', ' i'), ['好', '+好', 'i']);
  });

  it('leaves Korean words together: Korean has spaces', async () => {
    const vocabulary = await vocabularyOf('▁안', '녕', '▁세', '상');
    assert.deepEqual(words(vocabulary, ' 안', '녕', ' 세', '상'), ['안녕', '세상']);
  });

  it('puts the bytes of a character together before it looks at the character', async () => {
    const vocabulary = await vocabularyOf('▁a', '<0xE4>', '<0xBD>', '<0xA0>', '<0xC3>', '<0xA9>', 'b');
    const heard = words(
      vocabulary,
      ' a',
      '<0xC3>',
      '<0xA9>',
      'b',
      '<0xE4>',
      '<0xBD>',
      '<0xA0>',
      '<0xE4>',
      '<0xBD>',
      '<0xA0>',
    );
    assert.deepEqual(heard, ['aéb', '+你', '+你']);
  });

  it('leaves out tags and special tokens, and gives nothing for nothing', async () => {
    const vocabulary = await vocabularyOf('<unk>', '<|Speech|>', '▁a');
    assert.deepEqual(words(vocabulary, '<|Speech|>', ' a', '<unk>'), ['a']);
    assert.deepEqual(words(vocabulary, '<|Speech|>'), []);
    assert.deepEqual(words(vocabulary), []);
  });

  it('gives the tokens of a word with ids, bytes and log-probabilities, or none at all', async () => {
    const vocabulary = await vocabularyOf('<blk>', '▁GO', 'OD');
    const times = { startMs: 0, endMs: null };
    const [word] = wordsOfTokens(
      [
        { ...times, shown: ' GO', logprob: -0.5 },
        { ...times, shown: 'OD', logprob: -0.25 },
      ],
      vocabulary,
    );
    assert.deepEqual(
      word?.tokens.map(({ id, bytes, logprob }) => [id, Buffer.from(bytes).toString(), logprob]),
      [
        [1, ' go', -0.5],
        [2, 'od', -0.25],
      ],
    );
    const [without] = wordsOfTokens([{ ...times, shown: ' GO', logprob: null }], vocabulary);
    assert.deepEqual(without?.tokens, []);
  });

  it('tells the languages of a transducer from its name or its script, and says nothing where that is not enough', async () => {
    const of = async (url: string, ...symbols: string[]) =>
      transducerLanguages(new Map([['url', url]]), await vocabularyOf('<blk>', ...symbols));
    assert.equal((await of('https://huggingface.co/nvidia/parakeet-tdt-0.6b-v3', 'a')).length, 25);
    assert.deepEqual(await of('https://huggingface.co/nvidia/parakeet-tdt-0.6b-v2', 'a'), ['en']);
    assert.deepEqual(await of('', '▁GO', 'OD', "'"), ['en']);
    assert.deepEqual(await of('', '你', '好', '▁HELLO'), ['zh', 'en']);
    assert.deepEqual(await of('', '안', '녕'), ['ko']);
    assert.deepEqual(await of('', 'コ', '日', '本'), ['ja']);
    assert.deepEqual(await of('', '▁où', '▁la'), []);
    assert.deepEqual(await of('', '▁да', '▁нет'), []);
  });
});
