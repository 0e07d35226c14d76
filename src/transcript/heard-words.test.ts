import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleStretch, type HeardWord } from './heard-words.ts';

function word(text: string, startMs: number | null, endMs: number | null, logprob = -0.1): HeardWord {
  return { text, startMs, endMs, tokens: [{ id: 7, bytes: new TextEncoder().encode(` ${text}`), logprob }] };
}

const stretch = (words: readonly HeardWord[]) => ({ words, startMs: 500, endMs: 9000, speechProbability: 0.9 });

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

  it("takes a word's confidence from the product of its tokens' probabilities", () => {
    const two: HeardWord = {
      text: 'wander',
      startMs: 0,
      endMs: 100,
      tokens: [
        { id: 1, bytes: new TextEncoder().encode(' wan'), logprob: Math.log(0.5) },
        { id: 2, bytes: new TextEncoder().encode('der'), logprob: Math.log(0.8) },
      ],
    };
    const { words, tokens } = assembleStretch(stretch([two]), 0);
    assert.ok(Math.abs((words?.[0]?.confidence ?? 0) - 0.4) < 1e-9);
    assert.equal(tokens.map((one) => one.token).join(''), ' wander');
  });
});
