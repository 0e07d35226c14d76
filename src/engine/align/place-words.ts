/** Words that we heard ourselves, with the window that each was heard in. */
export interface PlacedWord {
  readonly text: string;
  readonly window: number;
}

/** Half-width of the band around the diagonal in which two texts are compared; beyond it they have nothing in common. */
const BAND = 400;

const MATCH = 0;
const INSERTED = 1;
const MISSED = 2;

/** Case, punctuation and curly apostrophes do not make another word. */
export function wordKey(word: string): string {
  return word
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[^\p{L}\p{N}']/gu, '');
}

/**
 * In which window each word of a known text was spoken, found by comparing the text with what we heard ourselves
 * (Levenshtein on words, within a band). Never decreases. A word that we did not hear goes where the word before it is.
 * `heard` must not be empty.
 */
export function placeWords(known: readonly string[], heard: readonly PlacedWord[]): number[] {
  const rows = known.length;
  const columns = heard.length;
  const slope = rows === 0 ? 0 : columns / rows;
  const width = 2 * BAND + 1;
  const knownKeys = known.map(wordKey);
  const heardKeys = heard.map((one) => wordKey(one.text));
  const moves = new Uint8Array((rows + 1) * width);
  // Row `i` covers the columns from `firstOf(i)` on.
  const firstOf = (row: number) => Math.round(row * slope) - BAND;
  let costs = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
  for (let offset = 0; offset < width; offset++) {
    const column = firstOf(0) + offset;
    if (column >= 0 && column <= columns) costs[offset] = column;
    moves[offset] = MISSED;
  }
  for (let row = 1; row <= rows; row++) {
    const next = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
    const shift = firstOf(row) - firstOf(row - 1);
    for (let offset = 0; offset < width; offset++) {
      const column = firstOf(row) + offset;
      if (column < 0 || column > columns) continue;
      const same = column > 0 && knownKeys[row - 1] === heardKeys[column - 1];
      const diagonal =
        column > 0
          ? (costs[offset + shift - 1] ?? Number.POSITIVE_INFINITY) + (same ? 0 : 1)
          : Number.POSITIVE_INFINITY;
      const above = (costs[offset + shift] ?? Number.POSITIVE_INFINITY) + 1;
      const left = (next[offset - 1] ?? Number.POSITIVE_INFINITY) + 1;
      const least = Math.min(diagonal, above, left);
      next[offset] = least;
      moves[row * width + offset] = least === diagonal ? MATCH : least === above ? INSERTED : MISSED;
    }
    costs = next;
  }
  return walkBack(known.length, heard, moves, firstOf, width);
}

function walkBack(
  rows: number,
  heard: readonly PlacedWord[],
  moves: Uint8Array,
  firstOf: (row: number) => number,
  width: number,
): number[] {
  const columnOf = new Int32Array(rows).fill(-1);
  let row = rows;
  let column = heard.length;
  while (row > 0 && column > 0) {
    const move = moves[row * width + column - firstOf(row)];
    if (move === MISSED) column--;
    else if (move === INSERTED) row--;
    else columnOf[--row] = --column;
  }
  let window = heard[0]?.window ?? 0;
  return Array.from(columnOf, (index) => {
    if (index >= 0) window = Math.max(window, heard[index]?.window ?? window);
    return window;
  });
}
