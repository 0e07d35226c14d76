import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { normaliseEnglish } from './english-normaliser.ts';
import { wordErrorRate, wordErrors, wordErrorsButForSpaces } from './word-error-rate.ts';

describe('normaliseEnglish', () => {
  const same: readonly (readonly [string, string])[] = [
    ['Mr. Hale, as he returned…', 'mister hale as he returned'],
    ["I don't, we'll, he's been.", 'i do not we will he has been'],
    ['Uh, um, mhm.', ''],
    ['A shop-boy [laughs] (aside) spoke', 'a shop boy spoke'],
    ['colour, honours, neighbouring, realised, travelling', 'color honors neighboring realized traveling'],
    ['Café déjà vu', 'cafe deja vu'],
  ];
  for (const [text, expected] of same) {
    it(`writes ${JSON.stringify(text)} as ${JSON.stringify(expected)}`, () => {
      assert.equal(normaliseEnglish(text), expected);
    });
  }

  const numbers: readonly (readonly [string, string])[] = [
    ['twenty-four hours', '24 hours'],
    ['two hundred and five', '205'],
    ['one hundred thousand', '100000'],
    ['seven million three hundred thousand and five', '7300005'],
    ['four one five five zero nine', '415509'],
    ['one oh one', '101'],
    ['twenty twenty two', '2022'],
    ['nineteen eighty four', '1984'],
    ['the twenty-first and 3rd', 'the 21st and 3rd'],
    ['the nineteen sixties', 'the 1960s'],
    ['three point one four', '3.14'],
    ['fifty five and a half years', '55.5 years'],
    ['1,000,000 people', '1000000 people'],
    ['5 per cent, ninety nine point nine percent', '5% 99.9%'],
    ['$20 million, then five dollars', '$20000000 then $5'],
    ['I have one, and the ones', 'i have one and the ones'],
  ];
  for (const [text, expected] of numbers) {
    it(`counts ${JSON.stringify(text)} as ${JSON.stringify(expected)}`, () => {
      assert.equal(normaliseEnglish(text), expected);
    });
  }
});

describe('wordErrors', () => {
  it('counts substitutions, deletions and insertions against the words of the reference', () => {
    assert.deepEqual(wordErrors('the birch canoe slid', 'The birch canoes slid.'), { errors: 1, words: 4 });
    assert.deepEqual(wordErrors('the birch canoe slid', 'birch canoe'), { errors: 2, words: 4 });
    assert.deepEqual(wordErrors('the birch canoe', 'the the birch canoe slid'), { errors: 2, words: 3 });
    assert.deepEqual(wordErrors('the birch', ''), { errors: 2, words: 2 });
    assert.deepEqual(wordErrors('', 'thank you'), { errors: 2, words: 0 });
  });

  it('adds up over recordings', () => {
    assert.equal(wordErrorRate([wordErrors('a b c d', 'a b c'), wordErrors('e f g h', 'e f g h')]), 12.5);
  });
});

describe('wordErrorsButForSpaces', () => {
  it('forgives words that are written together or apart, and nothing else', () => {
    const errors = (reference: string, heard: string) => wordErrorsButForSpaces(reference, heard).errors;
    assert.equal(errors('every one of the smokestack men', 'Everyone of the smoke stack men.'), 0);
    assert.equal(wordErrors('every one of the smokestack men', 'Everyone of the smoke stack men.').errors, 4);
    assert.equal(errors('every one of them', 'Every none of them.'), 1);
    assert.equal(errors('an other one', 'another two'), 1);
    assert.equal(errors('the birch canoe', 'the the birch canoe slid'), 2);
    assert.deepEqual(wordErrorsButForSpaces('', 'thank you'), { errors: 2, words: 0 });
  });
});
