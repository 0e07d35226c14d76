import { SeededRandom } from './seeded-random.ts';

/**
 * The text as a recogniser would write it that errs in `share` (0..1) of the words: three errors of five take another word of
 * the text, one leaves the word out, one puts a word in. The same seed gives the same text.
 */
export function degradedText(text: string, share: number, seed: number): string {
  const random = new SeededRandom(seed);
  const words = text.split(' ').filter(Boolean);
  return words
    .flatMap((word) => {
      if (!random.chance(share)) return [word];
      const kind = random.below(5);
      if (kind === 0) return [];
      const other = otherWord(words, word, random);
      return kind === 1 ? [word, other] : [other];
    })
    .join(' ');
}

/** Another word of the text; where chance finds none in a few tries (a text of one word), one that stands in no text. */
function otherWord(words: readonly string[], word: string, random: SeededRandom): string {
  for (let tries = 0; tries < 8; tries++) {
    const other = random.pick(words);
    if (other !== word) return other;
  }
  return 'blorptag';
}
