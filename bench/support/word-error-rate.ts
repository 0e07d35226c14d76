import { normaliseEnglish } from './english-normaliser.ts';

export interface WordErrors {
  /** Substitutions, deletions and insertions together. */
  readonly errors: number;
  /** Words of the reference. */
  readonly words: number;
}

/** Fewest edits that turn what was heard into the reference, over words of both in one normal form, English by default. */
export function wordErrors(
  reference: string,
  heard: string,
  wordsOf: (text: string) => readonly string[] = englishWords,
): WordErrors {
  const expected = wordsOf(reference);
  return { errors: editDistance(expected, wordsOf(heard)), words: expected.length };
}

/** Errors of many recordings over their words together, in percent; NaN without a word. */
export function wordErrorRate(all: readonly WordErrors[]): number {
  const errors = all.reduce((sum, one) => sum + one.errors, 0);
  const words = all.reduce((sum, one) => sum + one.words, 0);
  return (100 * errors) / words;
}

function englishWords(text: string): string[] {
  return normaliseEnglish(text).split(' ').filter(Boolean);
}

/** Levenshtein's, in two rows: an hour of speech is eight thousand words a side. */
function editDistance(left: readonly string[], right: readonly string[]): number {
  let above = Uint32Array.from({ length: right.length + 1 }, (_, index) => index);
  let row = new Uint32Array(right.length + 1);
  for (const [index, word] of left.entries()) {
    row[0] = index + 1;
    for (let place = 1; place <= right.length; place++) {
      const replace = above[place - 1]! + (word === right[place - 1] ? 0 : 1);
      row[place] = Math.min(replace, above[place]! + 1, row[place - 1]! + 1);
    }
    [above, row] = [row, above];
  }
  return above[right.length]!;
}
