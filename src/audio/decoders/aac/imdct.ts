/** The radices that serve 512, 64, 480 and 60 points; 4 first because it is the cheapest. */
const RADICES = [4, 2, 3, 5];

interface Stage {
  readonly radix: number;
  /** Points of each transform of this stage, divided by the radix. */
  readonly span: number;
  readonly stride: number;
  /** cos and -sin of 2πpk / (span · radix), at (p · radix + k). */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** A complex forward FFT (Stockham, so no bit reversal) for lengths made of the factors 2, 3 and 5. */
class ComplexFft {
  re: Float64Array;
  im: Float64Array;
  #otherRe: Float64Array;
  #otherIm: Float64Array;
  readonly #stages: readonly Stage[];

  constructor(length: number) {
    this.re = new Float64Array(length);
    this.im = new Float64Array(length);
    this.#otherRe = new Float64Array(length);
    this.#otherIm = new Float64Array(length);
    const stages: Stage[] = [];
    let left = length;
    while (left > 1) {
      const radix = RADICES.find((candidate) => left % candidate === 0);
      if (radix === undefined) throw new RangeError(`no FFT for ${length} points`);
      const span = left / radix;
      const cos = new Float64Array(left);
      const sin = new Float64Array(left);
      for (let p = 0; p < span; p += 1) {
        for (let k = 0; k < radix; k += 1) {
          cos[p * radix + k] = Math.cos((2 * Math.PI * p * k) / left);
          sin[p * radix + k] = -Math.sin((2 * Math.PI * p * k) / left);
        }
      }
      stages.push({ radix, span, stride: length / left, cos, sin });
      left = span;
    }
    this.#stages = stages;
  }

  /** Transforms `re` and `im`; the arrays change places with the scratch pair, so read the fields again after. */
  transform(): void {
    for (const stage of this.#stages) {
      if (stage.radix === 4) radix4(stage, this.re, this.im, this.#otherRe, this.#otherIm);
      else smallRadix(stage, this.re, this.im, this.#otherRe, this.#otherIm);
      [this.re, this.#otherRe] = [this.#otherRe, this.re];
      [this.im, this.#otherIm] = [this.#otherIm, this.im];
    }
  }
}

function radix4(stage: Stage, xr: Float64Array, xi: Float64Array, yr: Float64Array, yi: Float64Array): void {
  const { span, stride, cos, sin } = stage;
  const quarter = span * stride;
  for (let p = 0; p < span; p += 1) {
    const c1 = cos[4 * p + 1]!;
    const s1 = sin[4 * p + 1]!;
    const c2 = cos[4 * p + 2]!;
    const s2 = sin[4 * p + 2]!;
    const c3 = cos[4 * p + 3]!;
    const s3 = sin[4 * p + 3]!;
    let from = p * stride;
    let to = 4 * p * stride;
    for (let q = 0; q < stride; q += 1, from += 1, to += 1) {
      const ar = xr[from]!;
      const ai = xi[from]!;
      const br = xr[from + quarter]!;
      const bi = xi[from + quarter]!;
      const cr = xr[from + 2 * quarter]!;
      const ci = xi[from + 2 * quarter]!;
      const dr = xr[from + 3 * quarter]!;
      const di = xi[from + 3 * quarter]!;
      const sumAcR = ar + cr;
      const sumAcI = ai + ci;
      const difAcR = ar - cr;
      const difAcI = ai - ci;
      const sumBdR = br + dr;
      const sumBdI = bi + di;
      // (b - d) times -i
      const rotR = bi - di;
      const rotI = dr - br;
      yr[to] = sumAcR + sumBdR;
      yi[to] = sumAcI + sumBdI;
      const e1r = difAcR + rotR;
      const e1i = difAcI + rotI;
      yr[to + stride] = e1r * c1 - e1i * s1;
      yi[to + stride] = e1r * s1 + e1i * c1;
      const e2r = sumAcR - sumBdR;
      const e2i = sumAcI - sumBdI;
      yr[to + 2 * stride] = e2r * c2 - e2i * s2;
      yi[to + 2 * stride] = e2r * s2 + e2i * c2;
      const e3r = difAcR - rotR;
      const e3i = difAcI - rotI;
      yr[to + 3 * stride] = e3r * c3 - e3i * s3;
      yi[to + 3 * stride] = e3r * s3 + e3i * c3;
    }
  }
}

/** cos and -sin of 2πn / radix: the kernels of the plain transforms of 2, 3 and 5 points. */
const kernels = new Map(
  [2, 3, 5].map((radix) => [
    radix,
    {
      cos: Float64Array.from({ length: radix }, (_, n) => Math.cos((2 * Math.PI * n) / radix)),
      sin: Float64Array.from({ length: radix }, (_, n) => -Math.sin((2 * Math.PI * n) / radix)),
    },
  ]),
);

function smallRadix(stage: Stage, xr: Float64Array, xi: Float64Array, yr: Float64Array, yi: Float64Array): void {
  const { radix, span, stride, cos, sin } = stage;
  const kernel = kernels.get(radix)!;
  for (let p = 0; p < span; p += 1) {
    for (let k = 0; k < radix; k += 1) {
      const c = cos[p * radix + k]!;
      const s = sin[p * radix + k]!;
      for (let q = 0; q < stride; q += 1) {
        let sumR = 0;
        let sumI = 0;
        for (let j = 0; j < radix; j += 1) {
          const from = q + stride * (p + span * j);
          const kc = kernel.cos[(j * k) % radix]!;
          const ks = kernel.sin[(j * k) % radix]!;
          sumR += xr[from]! * kc - xi[from]! * ks;
          sumI += xr[from]! * ks + xi[from]! * kc;
        }
        const to = q + stride * (radix * p + k);
        yr[to] = sumR * c - sumI * s;
        yi[to] = sumR * s + sumI * c;
      }
    }
  }
}

/**
 * The inverse MDCT of AAC: `length` coefficients to `2 · length` samples,
 * x[n] = 1/length · Σ X[k] cos(π/length · (n + (length + 1) / 2) · (k + 1/2)), by way of a DCT-IV on an FFT of length/2.
 */
export class Imdct {
  readonly #length: number;
  readonly #fft: ComplexFft;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #dct: Float64Array;

  constructor(length: number) {
    const half = length / 2;
    this.#length = length;
    this.#fft = new ComplexFft(half);
    this.#cos = new Float64Array(half);
    this.#sin = new Float64Array(half);
    this.#dct = new Float64Array(length);
    for (let n = 0; n < half; n += 1) {
      this.#cos[n] = Math.cos((Math.PI * (8 * n + 1)) / (8 * length));
      this.#sin[n] = -Math.sin((Math.PI * (8 * n + 1)) / (8 * length));
    }
  }

  /** Reads `length` numbers of `spectrum` from `from`; writes `samples` from 0. */
  inverse(spectrum: Float64Array, from: number, samples: Float64Array): void {
    const length = this.#length;
    const half = length / 2;
    const fft = this.#fft;
    const cos = this.#cos;
    const sin = this.#sin;
    const { re, im } = fft;
    for (let n = 0; n < half; n += 1) {
      const a = spectrum[from + 2 * n]!;
      const b = spectrum[from + length - 1 - 2 * n]!;
      re[n] = a * cos[n]! - b * sin[n]!;
      im[n] = a * sin[n]! + b * cos[n]!;
    }
    fft.transform();
    const dct = this.#dct;
    const outRe = fft.re;
    const outIm = fft.im;
    const scale = 1 / length;
    for (let k = 0; k < half; k += 1) {
      const r = outRe[k]! * scale;
      const i = outIm[k]! * scale;
      dct[2 * k] = r * cos[k]! - i * sin[k]!;
      dct[length - 1 - 2 * k] = -(r * sin[k]! + i * cos[k]!);
    }
    // The MDCT is the DCT-IV carried on by its symmetries.
    for (let n = 0; n < half; n += 1) {
      samples[n] = dct[half + n]!;
      samples[half + n] = -dct[length - 1 - n]!;
      samples[length + n] = -dct[half - 1 - n]!;
      samples[length + half + n] = -dct[n]!;
    }
  }
}
