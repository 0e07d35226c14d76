import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isStockPhrase } from '../../core/stock-phrases.ts';
import { isBelievable, isOverSilence, stockEnding } from './trusted-words.ts';

const piece = (logprob: number, noSpeechProbability: number | null) => {
  return {
    pcm: new Float32Array(),
    window: null,
    offsetMs: 0,
    ids: [1],
    logprobs: [logprob],
    ended: true,
    noSpeechProbability,
  };
};
const words = (text: string) => text.split(' ').map((one) => ({ text: one, glued: false, tokens: [] }));

describe('isBelievable', () => {
  it('doubts unsure text where the model itself hears no speech', () => {
    assert.equal(isBelievable(piece(-1.2, 0.7), 5_000), false);
    assert.equal(isBelievable(piece(-1.2, 0.5), 5_000), true);
    assert.equal(isBelievable(piece(-0.5, 0.9), 5_000), true);
    assert.equal(isBelievable(piece(-1.2, null), 5_000), true);
  });

  it('doubts unsure text over hardly any speech', () => {
    assert.equal(isBelievable(piece(-1.2, null), 500), false);
    assert.equal(isBelievable(piece(-0.5, null), 500), true);
  });
});

describe('stock phrases', () => {
  it('are known in any spelling', () => {
    for (const text of [
      'Thanks for watching!',
      'ご視聴ありがとうございました。',
      'Untertitel der Amara.org-Community',
      'Merci d’avoir regardé cette vidéo !',
    ]) {
      assert.ok(isStockPhrase(text), text);
    }
    assert.equal(isStockPhrase('Thanks for watching my dog.'), false);
  });

  it('are found where they are all there is, or a last sentence', () => {
    assert.equal(stockEnding(words('Thank you.')), 0);
    assert.equal(stockEnding(words('We went home. Thanks for watching!')), 3);
    assert.equal(stockEnding(words('We want to say thank you.')), null);
    assert.equal(stockEnding([]), null);
  });

  it('are dropped where nobody speaks, kept where somebody does', () => {
    const times = [
      { startMs: 1_000, endMs: 1_400 },
      { startMs: 1_400, endMs: 2_000 },
    ];
    assert.equal(
      isOverSilence(times, () => 0),
      true,
    );
    assert.equal(
      isOverSilence(times, () => 150),
      true,
    );
    assert.equal(
      isOverSilence(times, () => 700),
      false,
    );
  });
});
