import { type ChannelStream, EIGHT_SHORT, LONG_START, LONG_STOP } from './channel-stream.ts';
import { Imdct } from './imdct.ts';

/** What a channel keeps from one packet to the next. */
export class OverlapState {
  /** The second half of the previous frame, windowed, waiting for the next one. */
  readonly tail: Float64Array;
  previousShape = 0;

  constructor(frameLength: number) {
    this.tail = new Float64Array(frameLength);
  }
}

/** Samples are 16-bit integers in the standard. */
const OUTPUT_GAIN = 1 / 32_768;

/** From a channel's spectrum to its samples: inverse MDCT, windows, overlap-add. Shared by all channels of a decoder. */
export class Filterbank {
  readonly #frameLength: number;
  readonly #longImdct: Imdct;
  readonly #shortImdct: Imdct;
  /** Rising halves by window shape: sine, Kaiser-Bessel derived. */
  readonly #longWindows: readonly Float64Array[];
  readonly #shortWindows: readonly Float64Array[];
  readonly #frame: Float64Array;
  readonly #block: Float64Array;

  constructor(frameLength: 1024 | 960) {
    const shortLength = frameLength / 8;
    this.#frameLength = frameLength;
    this.#longImdct = new Imdct(frameLength);
    this.#shortImdct = new Imdct(shortLength);
    this.#longWindows = [sineWindow(frameLength), kaiserBesselWindow(frameLength, 4)];
    this.#shortWindows = [sineWindow(shortLength), kaiserBesselWindow(shortLength, 6)];
    this.#frame = new Float64Array(2 * frameLength);
    this.#block = new Float64Array(2 * shortLength);
  }

  /** The next `frameLength` samples of a channel, in -1..1; louder ones are clipped, so that none is ever not finite. */
  synthesise(stream: ChannelStream, state: OverlapState): Float32Array<ArrayBuffer> {
    const { windowSequence, windowShape } = stream.info;
    if (windowSequence === EIGHT_SHORT) this.#shortBlocks(stream, state.previousShape);
    else this.#longBlock(stream, state.previousShape);
    state.previousShape = windowShape;
    const frame = this.#frame;
    const length = this.#frameLength;
    const { tail } = state;
    const samples = new Float32Array(length);
    for (let n = 0; n < length; n += 1) {
      const value = (frame[n]! + tail[n]!) * OUTPUT_GAIN;
      // Written so that NaN, should it ever arise, does not pass.
      samples[n] = value > -1 ? (value < 1 ? value : 1) : -1;
      tail[n] = frame[length + n]!;
    }
    return samples;
  }

  #longBlock(stream: ChannelStream, previousShape: number): void {
    const frame = this.#frame;
    const length = this.#frameLength;
    const shortLength = length / 8;
    const { windowSequence, windowShape } = stream.info;
    this.#longImdct.inverse(stream.spectrum, 0, frame);
    // Start and stop windows are flat outside of the short slope in the middle of their half.
    const flat = (length - shortLength) / 2;
    if (windowSequence === LONG_STOP) {
      frame.fill(0, 0, flat);
      multiplyRising(frame, flat, this.#shortWindows[previousShape]!);
    } else {
      multiplyRising(frame, 0, this.#longWindows[previousShape]!);
    }
    if (windowSequence === LONG_START) {
      multiplyFalling(frame, length + flat, this.#shortWindows[windowShape]!);
      frame.fill(0, length + flat + shortLength);
    } else {
      multiplyFalling(frame, length, this.#longWindows[windowShape]!);
    }
  }

  #shortBlocks(stream: ChannelStream, previousShape: number): void {
    const frame = this.#frame;
    const block = this.#block;
    const length = this.#frameLength;
    const shortLength = length / 8;
    const { windowShape } = stream.info;
    frame.fill(0);
    for (let window = 0; window < 8; window += 1) {
      this.#shortImdct.inverse(stream.spectrum, window * shortLength, block);
      multiplyRising(block, 0, this.#shortWindows[window === 0 ? previousShape : windowShape]!);
      multiplyFalling(block, shortLength, this.#shortWindows[windowShape]!);
      const at = (length - shortLength) / 2 + window * shortLength;
      for (let n = 0; n < 2 * shortLength; n += 1) frame[at + n]! += block[n]!;
    }
  }
}

function multiplyRising(samples: Float64Array, from: number, window: Float64Array): void {
  for (let n = 0; n < window.length; n += 1) samples[from + n]! *= window[n]!;
}

function multiplyFalling(samples: Float64Array, from: number, window: Float64Array): void {
  const last = window.length - 1;
  for (let n = 0; n <= last; n += 1) samples[from + n]! *= window[last - n]!;
}

function sineWindow(length: number): Float64Array {
  return Float64Array.from({ length }, (_, n) => Math.sin((Math.PI * (n + 0.5)) / (2 * length)));
}

/** The Kaiser-Bessel derived window of ISO/IEC 14496-3, 4.6.11.3.2. */
function kaiserBesselWindow(length: number, alpha: number): Float64Array {
  const kernel = Float64Array.from({ length: length + 1 }, (_, n) =>
    besselI0(Math.PI * alpha * Math.sqrt(1 - ((2 * n) / length - 1) ** 2)),
  );
  const total = kernel.reduce((sum, value) => sum + value, 0);
  let running = 0;
  return Float64Array.from({ length }, (_, n) => {
    running += kernel[n]!;
    return Math.sqrt(running / total);
  });
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  // For the arguments here (up to 6π) fifty terms are beyond double precision.
  for (let k = 1; k < 50; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
