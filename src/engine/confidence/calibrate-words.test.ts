import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeardWord } from '../protocol.ts';
import { agreedConfidence, calibrateWords, chosenConfidence } from './calibrate-words.ts';
import { wordSigns } from './word-features.ts';

function word(...logprobs: number[]): HeardWord {
  const tokens = logprobs.map((logprob) => ({ id: 1, bytes: Buffer.from('a'), logprob }));
  return { text: 'a', glued: false, startMs: 5, endMs: 9, tokens, confidence: null };
}

describe('calibrateWords', () => {
  it('is surer of a word the likelier its tokens are, for every kind', () => {
    for (const kind of ['moonshine', 'whisper'] as const) {
      const [sure, likely, doubtful] = calibrateWords([word(-0.001), word(-0.4), word(-3, -2)], kind);
      assert.ok(sure!.confidence! > likely!.confidence! && likely!.confidence! > doubtful!.confidence!, kind);
    }
  });

  it('doubts a word beside doubtful ones more than the same word among sure ones', () => {
    const among = calibrateWords([word(-0.01), word(-0.3), word(-0.01)], 'moonshine')[1]!.confidence!;
    const beside = calibrateWords([word(-2), word(-0.3), word(-2)], 'moonshine')[1]!.confidence!;
    assert.ok(beside < among);
  });

  it('is never certain either way, whatever the numbers are', () => {
    const words = [word(0, 0), word(-1e9), word(Number.NEGATIVE_INFINITY), word(-0, -1e-12)];
    for (const { confidence } of calibrateWords(words, 'whisper')) {
      assert.ok(confidence !== null && confidence > 0 && confidence < 1);
    }
  });

  it('gives null where there are no tokens to tell from, and changes nothing else', () => {
    assert.deepEqual(calibrateWords([word()], 'moonshine'), [word()]);
    assert.deepEqual(calibrateWords([], 'whisper'), []);
    const [one] = calibrateWords([word(-0.1)], 'whisper');
    assert.deepEqual({ ...one, confidence: null }, word(-0.1));
  });
});

describe('confidence of two models', () => {
  const [sure] = wordSigns([word(-0.01)]);
  const [unsure] = wordSigns([word(-1.5)]);

  it('is high where both wrote the word and surely, and falls with either', () => {
    assert.ok(agreedConfidence(sure!, sure!) > 0.95);
    assert.ok(agreedConfidence(sure!, unsure!) < agreedConfidence(sure!, sure!));
    assert.ok(agreedConfidence(unsure!, sure!) < agreedConfidence(sure!, sure!));
  });

  it('is lower where they differ, and grows with the odds of the choice', () => {
    const choice = (logOdds: number) =>
      chosenConfidence({ logOdds, byEnglish: true, otherEmpty: false, words: 1, bothMeanLogprob: -0.1 }, sure!);
    assert.ok(choice(3) < agreedConfidence(sure!, sure!));
    assert.ok(choice(3) > choice(0.1));
  });
});
