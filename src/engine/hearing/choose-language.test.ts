import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseLanguage } from './choose-language.ts';

const guesses = (...list: readonly (readonly [string, number])[]) =>
  list.map(([language, probability]) => ({ language, probability }));

describe('chooseLanguage', () => {
  it('takes the likeliest when nothing was spoken before', () => {
    assert.equal(chooseLanguage(guesses(['fr', 0.4], ['en', 0.3]), null, 300).language, 'fr');
  });

  it('stays with the language of the recording unless another is clearly spoken', () => {
    assert.deepEqual(chooseLanguage(guesses(['fr', 0.75], ['en', 0.05]), 'en', 5_000), {
      language: 'en',
      probability: 0.05,
    });
    assert.equal(chooseLanguage(guesses(['fr', 0.85], ['en', 0.12]), 'en', 5_000).language, 'en');
    assert.equal(chooseLanguage(guesses(['fr', 0.85], ['en', 0.02]), 'en', 5_000).language, 'fr');
  });

  it('never changes over less than a second of speech', () => {
    assert.equal(chooseLanguage(guesses(['fr', 0.99], ['en', 0.001]), 'en', 900).language, 'en');
  });

  it('takes the likeliest when the model does not know the language before', () => {
    assert.equal(chooseLanguage(guesses(['fr', 0.4], ['en', 0.3]), 'xx', 5_000).language, 'fr');
  });
});
