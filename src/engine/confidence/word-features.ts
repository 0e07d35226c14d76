import type { HeardWord } from '../protocol.ts';

/** What a word's probability of being right is told from. Natural logs throughout. */
export interface WordSigns {
  /** Of each token of the word. */
  readonly logprobs: readonly number[];
  /** The least sure token of the word before and of the one behind; 0 at an end. */
  readonly beforeLogprob: number;
  readonly behindLogprob: number;
  /** Over all tokens of the window. */
  readonly meanLogprob: number;
}

/** One token cannot say less than this: what follows below is chance. */
const LEAST_LOGPROB = -6;

/** The signs of each word of one window. */
export function wordSigns(words: readonly Pick<HeardWord, 'tokens'>[]): WordSigns[] {
  const perWord = words.map((word) => word.tokens.map((token) => token.logprob));
  const all = perWord.flat();
  const meanLogprob = all.reduce((sum, one) => sum + one, 0) / Math.max(1, all.length);
  return perWord.map((logprobs, index) => ({
    logprobs,
    beforeLogprob: least(perWord[index - 1] ?? []),
    behindLogprob: least(perWord[index + 1] ?? []),
    meanLogprob,
  }));
}

/** Features of a word that one model wrote alone; their order is the order of the weights. */
export function aloneFeatures(signs: WordSigns): number[] {
  const sum = Math.max(
    2 * LEAST_LOGPROB,
    signs.logprobs.reduce((total, one) => total + one, 0),
  );
  return [
    sum,
    least(signs.logprobs),
    // Almost sure and sure differ more than their logs do.
    Math.sqrt(-sum),
    Math.log(Math.max(1, signs.logprobs.length)),
    signs.beforeLogprob,
    signs.behindLogprob,
    signs.meanLogprob,
  ];
}

/** Features of a word that both models wrote: what each says of it. */
export function agreedFeatures(general: WordSigns, english: WordSigns): number[] {
  const sums = [general, english].map((one) =>
    Math.max(
      2 * LEAST_LOGPROB,
      one.logprobs.reduce((sum, value) => sum + value, 0),
    ),
  );
  const [generalSum = 0, englishSum = 0] = sums;
  return [
    generalSum,
    englishSum,
    Math.sqrt(-generalSum),
    Math.sqrt(-englishSum),
    general.beforeLogprob + english.beforeLogprob,
    general.behindLogprob + english.behindLogprob,
    general.meanLogprob,
    english.meanLogprob,
  ];
}

/** Features of a word on which the models differ and one was chosen. */
export function chosenFeatures(choice: ChosenSigns, signs: WordSigns): number[] {
  const sum = Math.max(
    2 * LEAST_LOGPROB,
    signs.logprobs.reduce((total, one) => total + one, 0),
  );
  return [
    Math.min(6, Math.abs(choice.logOdds)),
    sum,
    Number(choice.byEnglish),
    Number(choice.otherEmpty),
    Math.log(Math.max(1, choice.words)),
    choice.bothMeanLogprob,
  ];
}

export interface ChosenSigns {
  /** Of the choice that was made, see `blockLogOdds`. */
  readonly logOdds: number;
  readonly byEnglish: boolean;
  /** The other model has nothing in this place. */
  readonly otherEmpty: boolean;
  /** Chosen in this place. */
  readonly words: number;
  /** Mean of both models' mean log-probabilities of the window. */
  readonly bothMeanLogprob: number;
}

function least(logprobs: readonly number[]): number {
  return Math.max(LEAST_LOGPROB, Math.min(0, ...logprobs));
}
