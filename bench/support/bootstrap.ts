import { SeededRandom } from './seeded-random.ts';
import { quantile } from './statistics.ts';
import { type WordErrors, wordErrorRate } from './word-error-rate.ts';

const ROUNDS = 2_000;

/** 95 % interval of the difference of two methods' error rates (left less right, in points) over resampled clips. */
export function differenceInterval(left: readonly WordErrors[], right: readonly WordErrors[]): [number, number] {
  const random = new SeededRandom(1);
  const differences = Array.from({ length: ROUNDS }, () => {
    const places = left.map(() => random.below(left.length));
    return wordErrorRate(places.map((place) => left[place]!)) - wordErrorRate(places.map((place) => right[place]!));
  });
  return [quantile(differences, 0.025), quantile(differences, 0.975)];
}
