import { wordKey } from './word-key.ts';

/** A stretch in which two texts agree word by word, or one in which they differ; `to` is exclusive. */
export interface WordBlock {
  readonly agreed: boolean;
  readonly leftFrom: number;
  readonly leftTo: number;
  readonly rightFrom: number;
  readonly rightTo: number;
}

/** A substitution costs a little more than a step on one side, so that of equal paths the one with more agreement wins. */
const SUBSTITUTION = 1.001;

/**
 * Both texts as blocks in order, agreed and differing ones in turn (Levenshtein over word keys). Windows hold at most a
 * few hundred words, so the full table is small.
 */
export function wordBlocks(left: readonly string[], right: readonly string[]): WordBlock[] {
  const leftKeys = left.map(wordKey);
  const rightKeys = right.map(wordKey);
  const width = right.length + 1;
  const costs = new Float64Array((left.length + 1) * width);
  for (let row = 0; row <= left.length; row++) {
    for (let column = 0; column <= right.length; column++) {
      costs[row * width + column] = Math.min(...steps(row, column).map((one) => one.cost));
    }
  }

  const blocks: WordBlock[] = [];
  let row = left.length;
  let column = right.length;
  while (row > 0 || column > 0) {
    const cost = costs[row * width + column]!;
    const step = steps(row, column).find((one) => one.cost === cost)!;
    const agreed = step.rows + step.columns === 2 && leftKeys[row - 1] === rightKeys[column - 1];
    const next = blocks.at(-1);
    const from = { leftFrom: row - step.rows, rightFrom: column - step.columns };
    if (next?.agreed === agreed) blocks[blocks.length - 1] = { ...next, ...from };
    else blocks.push({ agreed, ...from, leftTo: row, rightTo: column });
    row -= step.rows;
    column -= step.columns;
  }
  return blocks.reverse();

  /** The ways into a cell of the table, the preferred one first. */
  function steps(at: number, place: number): { cost: number; rows: number; columns: number }[] {
    if (at === 0 && place === 0) return [{ cost: 0, rows: 0, columns: 0 }];
    const ways = [];
    if (at > 0 && place > 0) {
      const same = leftKeys[at - 1] === rightKeys[place - 1];
      const before = costs[(at - 1) * width + place - 1]!;
      ways.push({ cost: before + (same ? 0 : SUBSTITUTION), rows: 1, columns: 1 });
    }
    if (at > 0) ways.push({ cost: costs[(at - 1) * width + place]! + 1, rows: 1, columns: 0 });
    if (place > 0) ways.push({ cost: costs[at * width + place - 1]! + 1, rows: 0, columns: 1 });
    return ways;
  }
}

export function differing(blocks: readonly WordBlock[]): WordBlock[] {
  return blocks.filter((one) => !one.agreed);
}

/**
 * One text out of two: what both agree on as `writing` says, and of the differing blocks, in order, the right side's
 * words where `takeRight` is true. A model judges such a text fairly only in its own spelling and punctuation.
 */
export function mixedWords<Word>(
  blocks: readonly WordBlock[],
  left: readonly Word[],
  right: readonly Word[],
  takeRight: readonly boolean[],
  writing: 'left' | 'right',
): Word[] {
  const words: Word[] = [];
  let place = 0;
  for (const block of blocks) {
    const fromRight = block.agreed ? writing === 'right' : (takeRight[place++] ?? false);
    words.push(...(fromRight ? right.slice(block.rightFrom, block.rightTo) : left.slice(block.leftFrom, block.leftTo)));
  }
  return words;
}
