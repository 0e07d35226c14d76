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
  return { errors: editDistance(expected, wordsOf(heard), false), words: expected.length };
}

/**
 * As `wordErrors` for English, with words that are only written together or apart ("every one", "everyone") counted as
 * right. The figures that the pair of models was measured with before are counted so: its prototype has 62 errors by the
 * strict count in today's read English and 56 by this one, which is what was published of it.
 */
export function wordErrorsButForSpaces(reference: string, heard: string): WordErrors {
  const expected = englishWords(reference);
  return { errors: editDistance(expected, englishWords(heard), true), words: expected.length };
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

/** Levenshtein's, in three rows: an hour of speech is eight thousand words a side. */
function editDistance(left: readonly string[], right: readonly string[], mayJoin: boolean): number {
  let twoAbove = new Uint32Array(right.length + 1);
  let above = Uint32Array.from({ length: right.length + 1 }, (_, index) => index);
  let row = new Uint32Array(right.length + 1);
  for (const [index, word] of left.entries()) {
    const joined = index > 0 ? left[index - 1]! + word : null;
    row[0] = index + 1;
    for (let place = 1; place <= right.length; place++) {
      const other = right[place - 1]!;
      const replace = above[place - 1]! + (word === other ? 0 : 1);
      let fewest = Math.min(replace, above[place]! + 1, row[place - 1]! + 1);
      if (mayJoin && joined === other) fewest = Math.min(fewest, twoAbove[place - 1]!);
      if (mayJoin && place > 1 && right[place - 2]! + other === word) fewest = Math.min(fewest, above[place - 2]!);
      row[place] = fewest;
    }
    [twoAbove, above, row] = [above, row, twoAbove];
  }
  return above[right.length]!;
}
