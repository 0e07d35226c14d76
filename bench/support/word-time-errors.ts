import { wordKey } from '../../src/engine/align/place-words.ts';
import { median, quantile } from './statistics.ts';

/** A word of a clip whose exact times are known. */
export interface TrueWord {
  readonly word: string;
  readonly start_s: number;
  readonly end_s: number;
}

export interface MeasuredWord {
  readonly startMs: number;
  readonly endMs: number;
}

/** A silence in front of a word that is longer than this makes it a word after a silence. */
const SILENCE_S = 0.2;

/** Errors of word times in milliseconds, positive: too late. */
export class WordTimeErrors {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #firsts: number[] = [];
  readonly #afterSilence: number[] = [];
  readonly #halves: readonly [number[], number[]] = [[], []];
  #clips = 0;

  /** One clip: a measured word, or null where there is none, for each true one. */
  addClip(truth: readonly TrueWord[], measured: readonly (MeasuredWord | null)[]): void {
    const half = this.#halves[this.#clips++ % 2 === 0 ? 0 : 1];
    truth.forEach((word, place) => {
      const found = measured[place];
      if (!found) return;
      const start = found.startMs - word.start_s * 1000;
      this.#starts.push(start);
      this.#ends.push(found.endMs - word.end_s * 1000);
      half.push(start);
      const silence = word.start_s - (truth[place - 1]?.end_s ?? 0);
      if (place === 0) this.#firsts.push(start);
      else if (silence > SILENCE_S) this.#afterSilence.push(start);
    });
  }

  print(title: string): void {
    console.log(`${title}; errors in ms`);
    console.log('                      n   median     p90     max    bias');
    row('starts', this.#starts);
    row('ends', this.#ends);
    row('first words', this.#firsts);
    row('after a silence', this.#afterSilence);
    row('starts, even clips', this.#halves[0]);
    row('starts, odd clips', this.#halves[1]);
  }
}

/** For each word of the first text the word of the second that it is, null where there is none; both in order. */
export function matchWords<Word extends { readonly text: string }>(
  truth: readonly string[],
  heard: readonly Word[],
): (Word | null)[] {
  const left = truth.map(wordKey);
  const right = heard.map((one) => wordKey(one.text));
  // Longest common subsequence: `common[i][j]` counts for the texts from i and j on.
  const common = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      common[i]![j] =
        left[i] === right[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const matched: (Word | null)[] = left.map(() => null);
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    if (left[i] === right[j]) matched[i++] = heard[j++]!;
    else if (common[i + 1]![j]! >= common[i]![j + 1]!) i++;
    else j++;
  }
  return matched;
}

function row(name: string, errors: readonly number[]): void {
  const sizes = errors.map(Math.abs);
  const cell = (value: number) => value.toFixed(0).padStart(8);
  const figures = [median(sizes), quantile(sizes, 0.9), Math.max(...sizes), median(errors)].map(cell).join('');
  console.log(`${name.padEnd(18)}${String(errors.length).padStart(5)}${figures}`);
}
