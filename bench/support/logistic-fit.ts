/** One example for a logistic regression. */
export interface LogisticExample {
  readonly features: readonly number[];
  readonly yes: boolean;
  /** How much the example counts, above 0. */
  readonly weight: number;
}

/** Rounds of Newton's method; it settles in five to ten. */
const ROUNDS = 40;

/**
 * Weights of a logistic regression, one for each feature and the bias last, drawn towards `prior` as if each weight had
 * been seen there before: `strength` is the penalty on half the squared distance. The bias is penalised a hundred times
 * less.
 */
export function fitLogistic(
  examples: readonly LogisticExample[],
  prior: readonly number[],
  strength: number,
): readonly number[] {
  const size = prior.length;
  const rows = examples.map((one) => [...one.features, 1]);
  const penalty = prior.map((_, index) => (index === size - 1 ? strength / 100 : strength));
  let weights = [...prior];
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = weights.map((weight, index) => penalty[index]! * (weight - prior[index]!));
    const curvature = penalty.map((one, index) => prior.map((_, other) => (other === index ? one : 0)));
    examples.forEach((example, place) => {
      const row = rows[place]!;
      const probability = logistic(dot(weights, row));
      const error = example.weight * (probability - Number(example.yes));
      const bend = example.weight * Math.max(1e-6, probability * (1 - probability));
      for (let index = 0; index < size; index++) {
        gradient[index]! += error * row[index]!;
        for (let other = 0; other < size; other++) curvature[index]![other]! += bend * row[index]! * row[other]!;
      }
    });
    const step = solve(curvature, gradient);
    // A full step may overshoot where examples are all but parted: at most one in any weight.
    const scale = Math.min(1, 1 / Math.max(...step.map(Math.abs), 1e-9));
    weights = weights.map((weight, index) => weight - scale * step[index]!);
    if (Math.max(...step.map(Math.abs)) < 1e-7) break;
  }
  return weights;
}

export function logistic(odds: number): number {
  return 1 / (1 + Math.exp(-odds));
}

export function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

/** Gauss with pivots; the penalty keeps the matrix from being singular. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index] ?? 0]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]! / rows[column]![column]!;
      for (let place = column; place <= size; place++) rows[row]![place]! -= factor * rows[column]![place]!;
    }
  }
  return rows.map((row, index) => row[size]! / row[index]!);
}
