/** Points of the transform: 25 ms at 16 kHz, as Whisper was trained. */
export const SPECTRUM_POINTS = 400;
/** Frequencies of a real signal's transform, from 0 to half the sampling rate. */
export const SPECTRUM_BINS = SPECTRUM_POINTS / 2 + 1;

const RADICES = [4, 4, 5, 5] as const;

/** One round of the transform: `size` points left to transform, `stride` transforms side by side. */
interface Round {
  readonly radix: 4 | 5;
  readonly size: number;
  readonly stride: number;
  /** Turns of output `i` of group `p`: cosine and sine at 2 * (p * radix + i). */
  readonly turns: Float64Array;
}

/**
 * Power spectra of two real frames of 400 samples in one complex transform (Stockham's order, rounds of 4 and 5): the
 * first frame is the real part, the second the imaginary part, and symmetry tells them apart again. No FFT package that
 * is kept up does lengths other than powers of two.
 */
export class PairedSpectrum {
  readonly #rounds = plan();
  #real = new Float64Array(SPECTRUM_POINTS);
  #imaginary = new Float64Array(SPECTRUM_POINTS);
  #nextReal = new Float64Array(SPECTRUM_POINTS);
  #nextImaginary = new Float64Array(SPECTRUM_POINTS);

  /** The two frames (400 windowed samples each) are only read; `powers` takes 201 squared magnitudes of each. */
  transform(
    first: Float64Array,
    second: Float64Array,
    powers: { readonly first: Float64Array; readonly second: Float64Array },
  ): void {
    this.#real.set(first);
    this.#imaginary.set(second);
    for (const round of this.#rounds) {
      if (round.radix === 4) this.#fours(round);
      else this.#fives(round);
      [this.#real, this.#nextReal] = [this.#nextReal, this.#real];
      [this.#imaginary, this.#nextImaginary] = [this.#nextImaginary, this.#imaginary];
    }
    const real = this.#real;
    const imaginary = this.#imaginary;
    for (let bin = 0; bin < SPECTRUM_BINS; bin++) {
      const mirror = bin === 0 ? 0 : SPECTRUM_POINTS - bin;
      const sumReal = (real[bin]! + real[mirror]!) / 2;
      const sumImaginary = (imaginary[bin]! - imaginary[mirror]!) / 2;
      const restReal = (imaginary[bin]! + imaginary[mirror]!) / 2;
      const restImaginary = (real[mirror]! - real[bin]!) / 2;
      powers.first[bin] = sumReal * sumReal + sumImaginary * sumImaginary;
      powers.second[bin] = restReal * restReal + restImaginary * restImaginary;
    }
  }

  #fours({ size, stride, turns }: Round): void {
    const re = this.#real;
    const im = this.#imaginary;
    const outRe = this.#nextReal;
    const outIm = this.#nextImaginary;
    const groups = size / 4;
    for (let group = 0; group < groups; group++) {
      const turn = group * 8;
      const cos1 = turns[turn + 2]!;
      const sin1 = turns[turn + 3]!;
      const cos2 = turns[turn + 4]!;
      const sin2 = turns[turn + 5]!;
      const cos3 = turns[turn + 6]!;
      const sin3 = turns[turn + 7]!;
      for (let lane = 0; lane < stride; lane++) {
        const a = lane + stride * group;
        const b = a + stride * groups;
        const c = b + stride * groups;
        const d = c + stride * groups;
        const evenRe = re[a]! + re[c]!;
        const evenIm = im[a]! + im[c]!;
        const halfRe = re[a]! - re[c]!;
        const halfIm = im[a]! - im[c]!;
        const oddRe = re[b]! + re[d]!;
        const oddIm = im[b]! + im[d]!;
        // (b - d) turned by -90 degrees.
        const sideRe = im[b]! - im[d]!;
        const sideIm = re[d]! - re[b]!;
        const to = lane + stride * 4 * group;
        outRe[to] = evenRe + oddRe;
        outIm[to] = evenIm + oddIm;
        put(outRe, outIm, to + stride, halfRe + sideRe, halfIm + sideIm, cos1, sin1);
        put(outRe, outIm, to + 2 * stride, evenRe - oddRe, evenIm - oddIm, cos2, sin2);
        put(outRe, outIm, to + 3 * stride, halfRe - sideRe, halfIm - sideIm, cos3, sin3);
      }
    }
  }

  #fives({ size, stride, turns }: Round): void {
    const re = this.#real;
    const im = this.#imaginary;
    const outRe = this.#nextReal;
    const outIm = this.#nextImaginary;
    const groups = size / 5;
    const step = stride * groups;
    for (let group = 0; group < groups; group++) {
      const turn = group * 10;
      for (let lane = 0; lane < stride; lane++) {
        const a = lane + stride * group;
        const nearRe = re[a + step]! + re[a + 4 * step]!;
        const nearIm = im[a + step]! + im[a + 4 * step]!;
        const farRe = re[a + 2 * step]! + re[a + 3 * step]!;
        const farIm = im[a + 2 * step]! + im[a + 3 * step]!;
        const nearGapRe = re[a + step]! - re[a + 4 * step]!;
        const nearGapIm = im[a + step]! - im[a + 4 * step]!;
        const farGapRe = re[a + 2 * step]! - re[a + 3 * step]!;
        const farGapIm = im[a + 2 * step]! - im[a + 3 * step]!;
        const oneRe = re[a]! + COS_1 * nearRe + COS_2 * farRe;
        const oneIm = im[a]! + COS_1 * nearIm + COS_2 * farIm;
        const twoRe = re[a]! + COS_2 * nearRe + COS_1 * farRe;
        const twoIm = im[a]! + COS_2 * nearIm + COS_1 * farIm;
        const oneSideRe = SIN_1 * nearGapIm + SIN_2 * farGapIm;
        const oneSideIm = -SIN_1 * nearGapRe - SIN_2 * farGapRe;
        const twoSideRe = SIN_2 * nearGapIm - SIN_1 * farGapIm;
        const twoSideIm = -SIN_2 * nearGapRe + SIN_1 * farGapRe;
        const to = lane + stride * 5 * group;
        outRe[to] = re[a]! + nearRe + farRe;
        outIm[to] = im[a]! + nearIm + farIm;
        put(outRe, outIm, to + stride, oneRe + oneSideRe, oneIm + oneSideIm, turns[turn + 2]!, turns[turn + 3]!);
        put(outRe, outIm, to + 2 * stride, twoRe + twoSideRe, twoIm + twoSideIm, turns[turn + 4]!, turns[turn + 5]!);
        put(outRe, outIm, to + 3 * stride, twoRe - twoSideRe, twoIm - twoSideIm, turns[turn + 6]!, turns[turn + 7]!);
        put(outRe, outIm, to + 4 * stride, oneRe - oneSideRe, oneIm - oneSideIm, turns[turn + 8]!, turns[turn + 9]!);
      }
    }
  }
}

const COS_1 = Math.cos((2 * Math.PI) / 5);
const COS_2 = Math.cos((4 * Math.PI) / 5);
const SIN_1 = Math.sin((2 * Math.PI) / 5);
const SIN_2 = Math.sin((4 * Math.PI) / 5);

/** Writes (re, im) turned by the angle with this cosine and sine. */
function put(
  outRe: Float64Array,
  outIm: Float64Array,
  at: number,
  re: number,
  im: number,
  cos: number,
  sin: number,
): void {
  outRe[at] = re * cos - im * sin;
  outIm[at] = re * sin + im * cos;
}

function plan(): Round[] {
  const rounds: Round[] = [];
  let size = SPECTRUM_POINTS;
  let stride = 1;
  for (const radix of RADICES) {
    const groups = size / radix;
    const turns = new Float64Array(2 * size);
    for (let group = 0; group < groups; group++) {
      for (let output = 0; output < radix; output++) {
        const angle = (-2 * Math.PI * group * output) / size;
        turns[2 * (group * radix + output)] = Math.cos(angle);
        turns[2 * (group * radix + output) + 1] = Math.sin(angle);
      }
    }
    rounds.push({ radix, size, stride, turns });
    size = groups;
    stride *= radix;
  }
  return rounds;
}
