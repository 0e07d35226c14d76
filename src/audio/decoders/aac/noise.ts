import { type ChannelStream, NOISE_BOOK } from './channel-stream.ts';

/** The pseudo-random source of perceptual noise substitution; one a decoder, so that equal input gives equal output. */
export class NoiseSource {
  #state = 1;

  /** An integer between -2^31 and 2^31 - 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
    return this.#state;
  }

  reset(): void {
    this.#state = 1;
  }
}

/**
 * Fills the noise bands of a stream with noise of the transmitted energy. In bands where `twin` has noise too and
 * `correlated` (the mid/side mask, by cell) says so, the noise is the twin's, at this stream's energy.
 */
export function fillNoise(
  stream: ChannelStream,
  source: NoiseSource,
  twin: ChannelStream | null,
  correlated: Uint8Array | null,
): void {
  const { info, codebooks, scalefactors, spectrum } = stream;
  const { edges, maxBand } = info;
  const windowLength = edges[edges.length - 1]!;
  let firstWindow = 0;
  for (let group = 0; group < info.groupCount; group += 1) {
    const windows = info.groupLengths[group]!;
    for (let band = 0; band < maxBand; band += 1) {
      const cell = group * maxBand + band;
      if (codebooks[cell] !== NOISE_BOOK) continue;
      const shared = twin !== null && correlated?.[cell] === 1 && twin.codebooks[cell] === NOISE_BOOK;
      for (let window = firstWindow; window < firstWindow + windows; window += 1) {
        const from = window * windowLength + edges[band]!;
        const to = window * windowLength + edges[band + 1]!;
        if (shared) {
          const gain = 2 ** ((scalefactors[cell]! - twin.scalefactors[cell]!) / 4);
          for (let at = from; at < to; at += 1) spectrum[at] = twin.spectrum[at]! * gain;
        } else {
          let energy = 0;
          for (let at = from; at < to; at += 1) {
            const value = source.next();
            spectrum[at] = value;
            energy += value * value;
          }
          const gain = 2 ** (scalefactors[cell]! / 4) / Math.sqrt(energy);
          for (let at = from; at < to; at += 1) spectrum[at]! *= gain;
        }
      }
    }
    firstWindow += windows;
  }
}
