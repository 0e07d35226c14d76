/** The order that stands for a plain running sum. */
const SUM_ORDER = 31;

/**
 * Turns residuals into samples in place: a linear predictor over the last samples whose coefficients follow the sign of
 * each error. `coefficients` is changed. Samples are cut to `bits` bits, sums wrap at 32, as every decoder's must.
 */
export function predict(
  values: Int32Array,
  count: number,
  coefficients: Int16Array,
  shift: number,
  bits: number,
): void {
  const order = coefficients.length;
  if (order === 0) return;
  const unused = 32 - bits;
  if (order === SUM_ORDER) {
    accumulate(values, 1, count, unused);
    return;
  }
  accumulate(values, 1, Math.min(order + 1, count), unused);
  const half = (1 << shift) >> 1;
  for (let at = order + 1; at < count; at += 1) {
    const base = values[at - order - 1]!;
    let sum = half;
    for (let k = 0; k < order; k += 1) {
      sum = (sum + Math.imul(coefficients[k]!, values[at - 1 - k]! - base)) | 0;
    }
    let error = values[at]!;
    values[at] = ((error + base + (sum >> shift)) << unused) >> unused;
    // From the oldest sample on, each coefficient takes a step until the steps have made up for the error.
    if (error > 0) {
      for (let k = order - 1; k >= 0 && error > 0; k -= 1) {
        const difference = (base - values[at - 1 - k]!) | 0;
        coefficients[k]! -= Math.sign(difference);
        error -= (order - k) * (Math.abs(difference) >> shift);
      }
    } else if (error < 0) {
      for (let k = order - 1; k >= 0 && error < 0; k -= 1) {
        const difference = (base - values[at - 1 - k]!) | 0;
        coefficients[k]! += Math.sign(difference);
        error -= (order - k) * (-Math.abs(difference) >> shift);
      }
    }
  }
}

/** The running sum of values, which is also how the samples before the first prediction are sent. */
export function accumulate(values: Int32Array, from: number, to: number, unused: number): void {
  for (let at = from; at < to; at += 1) values[at] = ((values[at]! + values[at - 1]!) << unused) >> unused;
}
