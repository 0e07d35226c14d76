import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeWords } from './place-words.ts';

const heard = (...windows: readonly string[]) =>
  windows.flatMap((text, window) => text.split(' ').map((word) => ({ text: word, window })));

describe('placeWords', () => {
  it('puts each word of another text into the window where we heard it', () => {
    const windows = heard('Margaret said', 'Mr. Hale as he returned');
    assert.deepEqual(
      placeWords('margaret said, mister Hale, as he returned!'.split(' '), windows),
      [0, 0, 1, 1, 1, 1, 1],
    );
  });

  it('keeps a word that we did not hear beside the word before it', () => {
    const windows = heard('one two', 'four five');
    assert.deepEqual(placeWords(['one', 'two', 'three', 'four', 'five'], windows), [0, 0, 0, 1, 1]);
  });

  it('stays in order over thousands of words with errors', () => {
    const words = Array.from({ length: 5000 }, (_, index) => `w${index % 97}`);
    const windows = words.map((text, index) => ({
      text: index % 13 === 0 ? 'wrong' : text,
      window: Math.floor(index / 20),
    }));
    const places = placeWords(
      words.filter((_, index) => index % 17 !== 0),
      windows,
    );
    for (let index = 1; index < places.length; index++) assert.ok(places[index]! >= places[index - 1]!);
    assert.equal(places.at(-1), 249);
  });
});
