import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { areWords } from './response.ts';
import { spelledAsIn } from './spelled-words.ts';

const spans = (...texts: string[]) => texts.map((text, index) => ({ text, startMs: index, endMs: index + 1 }));
const spelled = (text: string, ...words: string[]) =>
  spelledAsIn(text, spans(...words))?.map((one) => one.text) ?? null;

describe('words spelled as in their text', () => {
  it('get capitals and punctuation', () => {
    assert.deepEqual(spelled('Platform four. (Or five?) "No."', 'platform', 'four', 'or', 'five', 'no'), [
      'Platform',
      'four.',
      '(Or',
      'five?)',
      '"No."',
    ]);
  });

  it('lose the punctuation of the word before', () => {
    assert.deepEqual(spelled('Two, please. Thanks.', 'Two', ', please', '. Thanks'), ['Two,', 'please.', 'Thanks.']);
  });

  it('may stand without blanks between them', () => {
    assert.deepEqual(spelled('你好，世界。', '你好', '世界'), ['你好，', '世界。']);
  });

  it('are left alone when the list lacks a word or has another', () => {
    assert.equal(spelled('Two tickets, please.', 'two', 'please'), null);
    assert.equal(spelled('Two tickets.', 'two', 'tickets', 'please'), null);
    assert.equal(spelled('Two tickets.', 'two'), null);
  });
});

describe('segments that are words', () => {
  it('are told from sentences in scripts with and without blanks', () => {
    assert.equal(areWords(spans('two', "don't", 'please,')), true);
    assert.equal(areWords(spans('你好', '世界')), true);
    assert.equal(areWords(spans('Two tickets, please.', 'Thanks.')), false);
    assert.equal(areWords(spans('我们今天去看电影。', '你想一起来吗？')), false);
  });

  it('are several: one piece alone is a sentence, however short', () => {
    assert.equal(areWords(spans('Yes.')), false);
  });
});
