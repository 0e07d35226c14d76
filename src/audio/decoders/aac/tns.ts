import type { BandTable } from './band-tables.ts';
import type { BitReader } from './bit-reader.ts';
import type { ChannelStream, TnsFilter } from './channel-stream.ts';
import { AacPacketError } from './packet-error.ts';

/** Highest orders (ISO/IEC 14496-3, 4.6.9.4). */
const MAX_SHORT_ORDER = 7;
const MAX_LONG_ORDER_LC = 12;
const MAX_LONG_ORDER_MAIN = 20;

/** Reads `tns_data`. */
export function parseTns(reader: BitReader, isShort: boolean, objectType: number): TnsFilter[] {
  const maxLongOrder = objectType === 1 ? MAX_LONG_ORDER_MAIN : MAX_LONG_ORDER_LC;
  const maxOrder = isShort ? MAX_SHORT_ORDER : maxLongOrder;
  const filters: TnsFilter[] = [];
  for (let window = 0; window < (isShort ? 8 : 1); window += 1) {
    const count = reader.read(isShort ? 1 : 2);
    if (count === 0) continue;
    const resolutionBits = reader.read(1) + 3;
    for (let index = 0; index < count; index += 1) {
      const bandCount = reader.read(isShort ? 4 : 6);
      const order = reader.read(isShort ? 3 : 5);
      if (order > maxOrder) throw new AacPacketError('A noise shaping filter of the AAC packet is too long.');
      const backwards = order > 0 && reader.readFlag();
      const coefficients = order > 0 ? readCoefficients(reader, order, resolutionBits) : new Float64Array(0);
      filters.push({ window, bandCount, backwards, coefficients });
    }
  }
  return filters;
}

/** Reads quantised reflection coefficients and turns them into prediction coefficients. */
function readCoefficients(reader: BitReader, order: number, resolutionBits: number): Float64Array {
  const bits = resolutionBits - reader.read(1);
  const half = 1 << (resolutionBits - 1);
  let current = new Float64Array(order);
  for (let index = 0; index < order; index += 1) {
    const raw = reader.read(bits);
    const signed = raw >= 1 << (bits - 1) ? raw - (1 << bits) : raw;
    const reflection = Math.sin((signed * Math.PI) / 2 / (signed >= 0 ? half - 0.5 : half + 0.5));
    // The step-up recursion: each order is made from the one before.
    const next = new Float64Array(order);
    for (let i = 0; i < index; i += 1) next[i] = current[i]! + reflection * current[index - 1 - i]!;
    next[index] = reflection;
    current = next;
  }
  return current;
}

/** Runs the all-pole filters over the stream's spectrum. */
export function applyTns(stream: ChannelStream, bands: BandTable): void {
  const { info, spectrum } = stream;
  const { edges } = info;
  const windowLength = edges[edges.length - 1]!;
  const lastBand = Math.min(info.isShort ? bands.tnsShortBands : bands.tnsLongBands, info.maxBand);
  let window = -1;
  let top = 0;
  for (const filter of stream.tnsFilters) {
    if (filter.window !== window) {
      window = filter.window;
      top = edges.length - 1;
    }
    const bottom = Math.max(top - filter.bandCount, 0);
    const start = window * windowLength + edges[Math.min(bottom, lastBand)]!;
    const end = window * windowLength + edges[Math.min(top, lastBand)]!;
    top = bottom;
    const { coefficients } = filter;
    const step = filter.backwards ? -1 : 1;
    let at = filter.backwards ? end - 1 : start;
    for (let done = 0; done < end - start; done += 1, at += step) {
      let value = spectrum[at]!;
      const known = Math.min(done, coefficients.length);
      for (let i = 0; i < known; i += 1) value -= coefficients[i]! * spectrum[at - step * (i + 1)]!;
      spectrum[at] = value;
    }
  }
}
