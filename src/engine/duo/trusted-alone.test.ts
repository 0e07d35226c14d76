import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { trustedAlone } from './trusted-alone.ts';

const limits = { loopRatio: 2.4, leastShare: 0.6, leastLead: -0.05 };
const heard = (text: string, confidence = 0.9) => {
  const words = text.split(' ').filter(Boolean);
  return { words, confidences: words.map(() => confidence) };
};
const sentence = heard('the quick brown fox jumps over the lazy dog');

describe('trustedAlone', () => {
  it('combines two texts of like length and sureness', () => {
    assert.equal(trustedAlone(sentence, sentence, limits), null);
    assert.equal(trustedAlone(heard(''), heard(''), limits), null);
  });

  it('takes the other text when one model fell silent or stopped early', () => {
    assert.equal(trustedAlone(heard(''), sentence, limits), 'general');
    assert.equal(trustedAlone(sentence, heard('the quick'), limits), 'english');
  });

  it('takes the other text when one model loops', () => {
    const loop = heard(Array.from({ length: 30 }, () => 'over and over').join(' '));
    assert.equal(trustedAlone(loop, sentence, limits), 'general');
    assert.equal(trustedAlone(sentence, loop, limits), 'english');
  });

  it('leaves out the English model where it is clearly less sure, and never the general one for that', () => {
    const doubtful = heard('the quick brown box jumps over a lazy dog', 0.5);
    assert.equal(trustedAlone(doubtful, sentence, limits), 'general');
    assert.equal(trustedAlone(sentence, doubtful, limits), null);
  });
});
