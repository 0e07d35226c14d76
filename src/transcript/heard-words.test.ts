import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleStretch, type HeardWord } from './heard-words.ts';

function word(text: string, startMs: number | null, endMs: number | null, more: Partial<HeardWord> = {}): HeardWord {
  const tokens = [{ id: 7, bytes: new TextEncoder().encode(` ${text}`), logprob: -0.1 }];
  return { text, glued: false, startMs, endMs, tokens, confidence: null, ...more };
}

const stretch = (words: readonly HeardWord[], language = 'en') => {
  return { words, startMs: 500, endMs: 9000, speechProbability: 0.9, language };
};

describe('assembleStretch', () => {
  it('ends a segment with a sentence', () => {
    const { segments } = assembleStretch(
      stretch([
        word('Two', 500, 700),
        word('tickets,', 700, 1000),
        word('please.', 1000, 1400),
        word('Thanks.', 1500, 1900),
      ]),
      0,
    );
    assert.deepEqual(
      segments.map((one) => [one.text, one.startMs, one.endMs]),
      [
        ['Two tickets, please.', 500, 1400],
        ['Thanks.', 1500, 1900],
      ],
    );
  });

  it('ends a segment at a long pause without punctuation', () => {
    const { segments } = assembleStretch(stretch([word('one', 500, 700), word('two', 2700, 3000)]), 0);
    assert.equal(segments.length, 2);
  });

  it('never lets a word begin before the end of the word before it', () => {
    const { words } = assembleStretch(stretch([word('a', 400, 900), word('b', 850, 1000)]), 450);
    assert.deepEqual(
      words?.map((one) => [one.startMs, one.endMs]),
      [
        [450, 900],
        [900, 1000],
      ],
    );
  });

  it('is one segment with the times of the speech when word times were not asked for', () => {
    const { segments, words } = assembleStretch(stretch([word('Hello.', null, null), word('There.', null, null)]), 0);
    assert.equal(words, null);
    assert.deepEqual(
      segments.map((one) => [one.text, one.startMs, one.endMs]),
      [['Hello. There.', 500, 9000]],
    );
  });

  it('writes words together that no space parts', () => {
    const words = [
      word('我们', 500, 700),
      word('走', 700, 900, { glued: true }),
      word('吧。', 900, 1000, { glued: true }),
    ];
    const { segments, wordCounts } = assembleStretch(stretch(words, 'zh'), 0);
    assert.deepEqual(
      segments.map((one) => [one.text, one.language]),
      [['我们走吧。', 'zh']],
    );
    assert.deepEqual(wordCounts, [3]);
  });

  it("gives a segment the mean of its words' confidences, and none when no word has one", () => {
    const sure = [word('Hello', 500, 700, { confidence: 0.9 }), word('there.', 700, 900, { confidence: 0.7 })];
    const { segments, words } = assembleStretch(stretch([...sure, word('Bye.', 2900, 3000)]), 0);
    assert.ok(Math.abs((segments[0]?.confidence ?? 0) - 0.8) < 1e-9);
    assert.equal(segments[1]?.confidence, null);
    assert.equal(words?.[0]?.confidence, 0.9);
  });
});
