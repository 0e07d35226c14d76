/**
 * Zero crossings of the sinc on either side, in samples of the slower rate, and a Kaiser window of 70 dB: the band up to
 * 83 % of the lower Nyquist frequency stays flat. FFmpeg's default, which speech models grew up with, has 16.
 */
const ZERO_CROSSINGS = 20;
const KAISER_BETA = 7;
/** Half-power point as a share of the lower Nyquist frequency: the slope below it is as long as the one above. */
const CUTOFF = 0.94;
/** Rates without a handy common divisor with 16 kHz get this many phases, and up to 1/8192 sample of jitter: −70 dB. */
const MAX_PHASES = 4_096;

/** A streaming windowed-sinc resampler with no delay: output sample n is the sound at n divided by the output rate. */
export class Resampler {
  readonly #inputRate: number;
  readonly #outputRate: number;
  readonly #filter: Filter;
  /** Input not yet passed by, from input index `#base` on; the silence before the first sample included. */
  #buffer: Float32Array;
  #filled: number;
  #base: number;
  #inputCount = 0;
  #outputCount = 0;

  constructor(inputRate: number, outputRate: number) {
    this.#inputRate = inputRate;
    this.#outputRate = outputRate;
    this.#filter = filterFor(inputRate, outputRate);
    const { halfTaps } = this.#filter;
    this.#buffer = new Float32Array(4 * halfTaps + 8192);
    this.#filled = halfTaps;
    this.#base = -halfTaps;
  }

  /** Takes input and returns what output it completes; equal rates pass straight through. */
  push(input: Float32Array): Float32Array {
    if (this.#inputRate === this.#outputRate) return input;
    this.#inputCount += input.length;
    this.#append(input);
    const { halfTaps } = this.#filter;
    // An output at input position p needs the input up to floor(p) + halfTaps.
    const known = this.#base + this.#filled - halfTaps;
    return this.#produce(Math.max(0, Math.ceil((known * this.#outputRate) / this.#inputRate)));
  }

  /** Passes over input that nobody will hear, as if it were silence; returns how many outputs fall away with it. */
  skip(count: number): number {
    if (this.#inputRate === this.#outputRate) return count;
    const { halfTaps } = this.#filter;
    this.#inputCount += count;
    this.#base = this.#inputCount - 2 * halfTaps;
    this.#filled = 2 * halfTaps;
    this.#buffer.fill(0, 0, this.#filled);
    const end = Math.max(0, Math.ceil(((this.#inputCount - halfTaps) * this.#outputRate) / this.#inputRate));
    const skipped = Math.max(0, end - this.#outputCount);
    this.#outputCount += skipped;
    return skipped;
  }

  /** The rest of the output, as if silence followed: in all, input length times the ratio, rounded. */
  flush(): Float32Array {
    if (this.#inputRate === this.#outputRate) return new Float32Array(0);
    this.#append(new Float32Array(this.#filter.halfTaps + 1));
    return this.#produce(Math.round((this.#inputCount * this.#outputRate) / this.#inputRate));
  }

  #append(input: Float32Array): void {
    if (this.#filled + input.length > this.#buffer.length) {
      const larger = new Float32Array(2 * (this.#filled + input.length));
      larger.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = larger;
    }
    this.#buffer.set(input, this.#filled);
    this.#filled += input.length;
  }

  /** Outputs up to, not including, index `end`. */
  #produce(end: number): Float32Array {
    const count = Math.max(0, end - this.#outputCount);
    const output = new Float32Array(count);
    const { phases, denominator } = this.#filter;
    let index = 0;
    if (phases === denominator) {
      // Outputs one turn of all phases apart share their coefficients: four at a time take hardly longer than two.
      for (; index + 4 * phases <= count; index += 4 * phases) {
        for (let phase = 0; phase < phases; phase++) this.#produceFour(output, index + phase, phases);
      }
    }
    for (; index < count; index++) this.#produceOne(output, index);
    this.#outputCount += count;
    this.#forget();
    return output;
  }

  /** The outputs at `index` and one, two and three laps on. */
  #produceFour(output: Float32Array, index: number, lap: number): void {
    const { taps, coefficients, numerator } = this.#filter;
    const buffer = this.#buffer;
    const { from, filterFrom } = this.#locate(this.#outputCount + index);
    const [second, third, fourth] = [numerator, 2 * numerator, 3 * numerator];
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    let sum4 = 0;
    for (let tap = 0; tap < taps; tap++) {
      const at = from + tap;
      const coefficient = coefficients[filterFrom + tap]!;
      sum1 += buffer[at]! * coefficient;
      sum2 += buffer[at + second]! * coefficient;
      sum3 += buffer[at + third]! * coefficient;
      sum4 += buffer[at + fourth]! * coefficient;
    }
    output[index] = sum1;
    output[index + lap] = sum2;
    output[index + 2 * lap] = sum3;
    output[index + 3 * lap] = sum4;
  }

  #produceOne(output: Float32Array, index: number): void {
    const { taps, coefficients } = this.#filter;
    const buffer = this.#buffer;
    const { from, filterFrom } = this.#locate(this.#outputCount + index);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) sum += buffer[from + tap]! * coefficients[filterFrom + tap]!;
    output[index] = sum;
  }

  /** Where the input and the coefficients of an output start. */
  #locate(outputIndex: number): { from: number; filterFrom: number } {
    const { taps, halfTaps, phases, numerator, denominator } = this.#filter;
    // Exact integers below 2^53: a day of output times the largest rate is 5e14.
    const position = outputIndex * numerator;
    const whole = Math.floor(position / denominator);
    const remainder = position - whole * denominator;
    const phase = phases === denominator ? remainder : Math.floor((remainder * phases) / denominator);
    return { from: whole - halfTaps + 1 - this.#base, filterFrom: phase * taps };
  }

  /** Drops input that no later output needs. */
  #forget(): void {
    const { halfTaps, numerator, denominator } = this.#filter;
    const needed = Math.floor((this.#outputCount * numerator) / denominator) - halfTaps + 1;
    const drop = Math.min(needed - this.#base, this.#filled);
    if (drop <= 0) return;
    this.#buffer.copyWithin(0, drop, this.#filled);
    this.#filled -= drop;
    this.#base += drop;
  }
}

interface Filter {
  /** The rates, divided by their greatest common divisor: input over output. */
  readonly numerator: number;
  readonly denominator: number;
  readonly halfTaps: number;
  readonly taps: number;
  readonly phases: number;
  /** Phase by phase, for input from floor(p) − halfTaps + 1 on. */
  readonly coefficients: Float32Array;
}

/** One recording after another uses the same few rates; the last filter is worth keeping. */
let lastFilter: { readonly key: string; readonly filter: Filter } | null = null;

function filterFor(inputRate: number, outputRate: number): Filter {
  const key = `${inputRate}/${outputRate}`;
  if (lastFilter?.key !== key) lastFilter = { key, filter: designFilter(inputRate, outputRate) };
  return lastFilter.filter;
}

function designFilter(inputRate: number, outputRate: number): Filter {
  const divisor = greatestCommonDivisor(inputRate, outputRate);
  const numerator = inputRate / divisor;
  const denominator = outputRate / divisor;
  const phases = Math.min(denominator, MAX_PHASES);
  const stretch = Math.max(1, inputRate / outputRate);
  const halfTaps = Math.ceil(ZERO_CROSSINGS * stretch);
  const taps = 2 * halfTaps;
  const coefficients = new Float32Array(phases * taps);
  const bandwidth = CUTOFF / stretch;
  const windowScale = 1 / besselI0(KAISER_BETA);
  // When phases are fewer than positions, each stands for the middle of its share.
  const offset = phases === denominator ? 0 : 0.5;
  for (let phase = 0; phase < phases; phase++) {
    const fraction = (phase + offset) / phases;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = tap - halfTaps + 1 - fraction;
      const share = distance / halfTaps;
      const window = besselI0(KAISER_BETA * Math.sqrt(Math.max(0, 1 - share * share))) * windowScale;
      const value = bandwidth * sinc(bandwidth * distance) * window;
      coefficients[phase * taps + tap] = value;
      sum += value;
    }
    // Unit gain at zero frequency in every phase, or else a faint tone at the phase rate rides on the sound.
    for (let tap = 0; tap < taps; tap++) coefficients[phase * taps + tap]! /= sum;
  }
  return { numerator, denominator, halfTaps, taps, phases, coefficients };
}

function sinc(x: number): number {
  return Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function besselI0(x: number): number {
  const quarter = (x * x) / 4;
  let sum = 1;
  let term = 1;
  for (let index = 1; term > sum * 1e-9; index++) {
    term *= quarter / (index * index);
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}
