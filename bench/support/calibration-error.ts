import { normaliseEnglish } from './english-normaliser.ts';

/** A written word with its confidence and whether it is really there in the reference. */
export interface JudgedWord {
  /** 0..1. */
  readonly confidence: number;
  readonly right: boolean;
}

/** One bin of a reliability curve. */
export interface ReliabilityBin {
  readonly count: number;
  /** Mean confidence in the bin. */
  readonly confidence: number;
  /** Share of its words that are right. */
  readonly right: number;
}

/**
 * Each English word that has a confidence, judged against the reference by the alignment with the fewest edits. A word is
 * right when all that it becomes in normal form is matched; fillers, which normalise to nothing, are left out.
 */
export function judgedWords(
  reference: string,
  words: readonly { readonly text: string; readonly confidence: number | null }[],
): JudgedWord[] {
  const expected = normaliseEnglish(reference).split(' ').filter(Boolean);
  const perWord = words.map((word) => normaliseEnglish(word.text).split(' ').filter(Boolean));
  const matched = matchedPlaces(perWord.flat(), expected);
  let at = 0;
  return words.flatMap((word, index) => {
    const count = perWord[index]?.length ?? 0;
    const right = Array.from({ length: count }, (_, place) => matched.has(at + place)).every(Boolean);
    at += count;
    return count === 0 || word.confidence === null ? [] : [{ confidence: word.confidence, right }];
  });
}

/** Confidence against truth in bins of equal width. */
export function reliabilityBins(words: readonly JudgedWord[], bins = 10): ReliabilityBin[] {
  return Array.from({ length: bins }, (_, bin) => {
    const members = words.filter((one) => Math.min(bins - 1, Math.floor(one.confidence * bins)) === bin);
    const mean = (pick: (one: JudgedWord) => number) =>
      members.length === 0 ? 0 : members.reduce((sum, one) => sum + pick(one), 0) / members.length;
    return {
      count: members.length,
      confidence: mean((one) => one.confidence),
      right: mean((one) => Number(one.right)),
    };
  });
}

/** Mean distance between confidence and truth over the bins, by their words (Naeini et al. 2015); NaN for no word. */
export function expectedCalibrationError(words: readonly JudgedWord[]): number {
  const far = reliabilityBins(words).reduce((sum, bin) => sum + bin.count * Math.abs(bin.confidence - bin.right), 0);
  return far / words.length;
}

/** Places in `heard` that a cheapest alignment matches with the reference. */
function matchedPlaces(heard: readonly string[], expected: readonly string[]): ReadonlySet<number> {
  const width = expected.length + 1;
  const cost = new Uint16Array((heard.length + 1) * width);
  for (let row = 0; row <= heard.length; row++) {
    for (let column = 0; column <= expected.length; column++) {
      const here = row * width + column;
      if (row === 0 || column === 0) {
        cost[here] = row + column;
        continue;
      }
      const swap = cost[here - width - 1]! + (heard[row - 1] === expected[column - 1] ? 0 : 1);
      cost[here] = Math.min(swap, cost[here - width]! + 1, cost[here - 1]! + 1);
    }
  }
  const matched = new Set<number>();
  let row = heard.length;
  let column = expected.length;
  while (row > 0 && column > 0) {
    const here = row * width + column;
    const same = heard[row - 1] === expected[column - 1];
    if (cost[here] === cost[here - width - 1]! + (same ? 0 : 1)) {
      if (same) matched.add(row - 1);
      row--;
      column--;
    } else if (cost[here] === cost[here - width]! + 1) row--;
    else column--;
  }
  return matched;
}
