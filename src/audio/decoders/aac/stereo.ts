import {
  type ChannelStream,
  INTENSITY_IN_PHASE_BOOK,
  INTENSITY_OUT_OF_PHASE_BOOK,
  NOISE_BOOK,
} from './channel-stream.ts';

/** `ms_mask_present`: whether the mask is empty, sent for each band, or full. */
export const MASK_SENT = 1;
export const MASK_FULL = 2;

/** Turns mid and side into left and right in the cells of `mask`; both streams share one window layout. */
export function applyMidSide(left: ChannelStream, right: ChannelStream, mask: Uint8Array): void {
  forEachBand(right, (cell, from, to) => {
    if (mask[cell] !== 1 || left.codebooks[cell]! >= NOISE_BOOK || right.codebooks[cell]! >= NOISE_BOOK) return;
    for (let at = from; at < to; at += 1) {
      const mid = left.spectrum[at]!;
      const side = right.spectrum[at]!;
      left.spectrum[at] = mid + side;
      right.spectrum[at] = mid - side;
    }
  });
}

/** Makes the right channel's intensity bands from the left channel. */
export function applyIntensity(left: ChannelStream, right: ChannelStream, maskPresent: number, mask: Uint8Array): void {
  forEachBand(right, (cell, from, to) => {
    const codebook = right.codebooks[cell]!;
    if (codebook !== INTENSITY_IN_PHASE_BOOK && codebook !== INTENSITY_OUT_OF_PHASE_BOOK) return;
    // A mask that was sent turns the phase of its bands; a full one does not (ISO/IEC 14496-3, 4.6.8.2.3).
    const turned = (codebook === INTENSITY_OUT_OF_PHASE_BOOK) !== (maskPresent === MASK_SENT && mask[cell] === 1);
    const gain = (turned ? -1 : 1) * 2 ** (-right.scalefactors[cell]! / 4);
    for (let at = from; at < to; at += 1) right.spectrum[at] = left.spectrum[at]! * gain;
  });
}

/** Calls back with the coefficients of each cell in each window of its group. */
function forEachBand(stream: ChannelStream, visit: (cell: number, from: number, to: number) => void): void {
  const { edges, maxBand, groupCount, groupLengths } = stream.info;
  const windowLength = edges[edges.length - 1]!;
  let firstWindow = 0;
  for (let group = 0; group < groupCount; group += 1) {
    const windows = groupLengths[group]!;
    for (let band = 0; band < maxBand; band += 1) {
      for (let window = firstWindow; window < firstWindow + windows; window += 1) {
        const base = window * windowLength;
        visit(group * maxBand + band, base + edges[band]!, base + edges[band + 1]!);
      }
    }
    firstWindow += windows;
  }
}
