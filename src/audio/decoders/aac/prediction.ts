import { type ChannelStream, NOISE_BOOK, type StreamFormat } from './channel-stream.ts';

/** Attenuation of the lattice and memory of its statistics (ISO/IEC 14496-3, 4.6.7.3). */
const ATTENUATION = 0.953_125;
const MEMORY = 0.906_25;
/** Every thirtieth predictor belongs to one reset group. */
const RESET_GROUPS = 30;
/** Louder than any real spectrum; a predictor that damaged data drove beyond starts anew. */
const LARGEST_ESTIMATE = 1e12;

/**
 * The backward-adaptive predictors of one channel in the Main profile: a second-order lattice for each coefficient,
 * which learns from what was decoded. Its state is kept with 16 significant bits, as the standard demands of both ends.
 */
export class Predictors {
  readonly #count: number;
  readonly #r0: Float32Array;
  readonly #r1: Float32Array;
  readonly #cor0: Float32Array;
  readonly #cor1: Float32Array;
  readonly #var0: Float32Array;
  readonly #var1: Float32Array;

  constructor(format: StreamFormat) {
    const { longEdges, predictionBands } = format.bands;
    this.#count = longEdges[Math.min(predictionBands, longEdges.length - 1)]!;
    this.#r0 = new Float32Array(this.#count);
    this.#r1 = new Float32Array(this.#count);
    this.#cor0 = new Float32Array(this.#count);
    this.#cor1 = new Float32Array(this.#count);
    this.#var0 = new Float32Array(this.#count).fill(1);
    this.#var1 = new Float32Array(this.#count).fill(1);
  }

  /** Adds the estimates where the stream asks for them, and learns from the result. */
  apply(stream: ChannelStream): void {
    const { info, spectrum, codebooks } = stream;
    if (info.isShort) {
      for (let at = 0; at < this.#count; at += 1) this.#resetAt(at);
      return;
    }
    let band = 0;
    for (let at = 0; at < this.#count; at += 1) {
      while (at >= info.edges[band + 1]!) band += 1;
      const used =
        info.predictionPresent &&
        band < info.maxBand &&
        info.predictionUsed[band] === 1 &&
        codebooks[band]! < NOISE_BOOK;
      this.#step(spectrum, at, used);
    }
    if (info.predictorReset > 0) {
      for (let at = info.predictorReset - 1; at < this.#count; at += RESET_GROUPS) this.#resetAt(at);
    }
  }

  #step(spectrum: Float64Array, at: number, used: boolean): void {
    const r0 = this.#r0[at]!;
    const r1 = this.#r1[at]!;
    const cor0 = this.#cor0[at]!;
    const cor1 = this.#cor1[at]!;
    const var0 = this.#var0[at]!;
    const var1 = this.#var1[at]!;
    const k1 = var0 > 1 ? cor0 * roundEven(ATTENUATION / var0) : 0;
    const k2 = var1 > 1 ? cor1 * roundEven(ATTENUATION / var1) : 0;
    if (used) spectrum[at]! += roundUp(k1 * r0 + k2 * r1);
    const e0 = spectrum[at]!;
    if (!(Math.abs(e0) < LARGEST_ESTIMATE)) {
      spectrum[at] = 0;
      this.#resetAt(at);
      return;
    }
    const e1 = e0 - k1 * r0;
    this.#cor1[at] = truncate(MEMORY * cor1 + r1 * e1);
    this.#var1[at] = truncate(MEMORY * var1 + 0.5 * (r1 * r1 + e1 * e1));
    this.#cor0[at] = truncate(MEMORY * cor0 + r0 * e0);
    this.#var0[at] = truncate(MEMORY * var0 + 0.5 * (r0 * r0 + e0 * e0));
    this.#r1[at] = truncate(ATTENUATION * (r0 - k1 * e0));
    this.#r0[at] = truncate(ATTENUATION * e0);
  }

  #resetAt(at: number): void {
    this.#r0[at] = 0;
    this.#r1[at] = 0;
    this.#cor0[at] = 0;
    this.#cor1[at] = 0;
    this.#var0[at] = 1;
    this.#var1[at] = 1;
  }
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Keeps the upper 16 bits of a 32-bit float. */
function truncate(value: number): number {
  float[0] = value;
  bits[0]! &= 0xffff0000;
  return float[0]!;
}

/** Rounds to those bits, halves away from zero. */
function roundUp(value: number): number {
  float[0] = value;
  bits[0] = (bits[0]! + 0x8000) & 0xffff0000;
  return float[0]!;
}

/** Rounds to those bits, halves to even. */
function roundEven(value: number): number {
  float[0] = value;
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return float[0]!;
}
