import type { BitReader } from '../aac/bit-reader.ts';
import { AlacPacketError } from './packet-error.ts';

/** Parameters of the adaptive Golomb coder for one channel of one packet. */
export interface ResidualParameters {
  readonly historyMultiplier: number;
  readonly initialHistory: number;
  readonly maxRiceBits: number;
  /** Bits of a value that is sent as it is because its prefix would be too long. */
  readonly escapeBits: number;
}

/** Ones after which a value is sent as it is. */
const ESCAPE_PREFIX = 9;
const HISTORY_SHIFT = 9;
/** Below this history a run of zeros follows. */
const RUN_HISTORY = 128;
const MAX_HISTORY = 0xffff;
const RUN_ESCAPE_BITS = 16;

/** Reads `count` residuals into `residuals`. */
export function readResiduals(
  reader: BitReader,
  residuals: Int32Array,
  count: number,
  parameters: ResidualParameters,
): void {
  const { historyMultiplier, maxRiceBits, escapeBits } = parameters;
  let history = parameters.initialHistory;
  // After a run of zeros the next value is not zero, so the code leaves that one out.
  let afterRun = 0;
  for (let at = 0; at < count; at += 1) {
    const bits = Math.min(31 - Math.clz32((history >>> HISTORY_SHIFT) + 3), maxRiceBits);
    const value = readRice(reader, bits, 2 ** bits - 1, escapeBits);
    // Values may fill 32 bits; both the sum and the halving work on unsigned numbers.
    const folded = value + afterRun;
    const magnitude = Math.floor((folded + 1) / 2);
    residuals[at] = folded % 2 === 0 ? magnitude : -magnitude;
    history = (Math.imul(historyMultiplier, folded) + history - decay(historyMultiplier, history)) >>> 0;
    if (value > MAX_HISTORY) history = MAX_HISTORY;
    afterRun = 0;
    if (history < RUN_HISTORY && at + 1 < count) {
      afterRun = 1;
      const runBits = Math.clz32(history) - 24 + ((history + 16) >> 6);
      const run = readRice(reader, runBits, (2 ** runBits - 1) & (2 ** maxRiceBits - 1), RUN_ESCAPE_BITS);
      if (at + 1 + run > count) throw new AlacPacketError('A run of zeros in the ALAC packet is too long.');
      residuals.fill(0, at + 1, at + 1 + run);
      at += run;
      if (run >= MAX_HISTORY) afterRun = 0;
      history = 0;
    }
  }
}

/** What the history forgets with each value; the product wraps at 32 bits in every decoder. */
function decay(multiplier: number, history: number): number {
  return (Math.imul(multiplier, history) >>> 0) >>> HISTORY_SHIFT;
}

/**
 * One value: a prefix of ones, each worth `step`, a zero, then `bits` bits, of which the last is missing when the others
 * are all zero. Nine ones mean that the value follows as it is in `escapeBits` bits.
 */
function readRice(reader: BitReader, bits: number, step: number, escapeBits: number): number {
  const ahead = reader.peek(24);
  // clz32 of the complement counts the ones at the top of the 24 bits.
  const ones = Math.clz32(~(ahead << 8));
  if (ones >= ESCAPE_PREFIX) {
    reader.skip(ESCAPE_PREFIX);
    return readWide(reader, escapeBits);
  }
  if (bits === 1) {
    reader.skip(ones + 1);
    return ones * step;
  }
  // Prefix and low bits together fit the 24 bits for all but absurd parameters.
  const together = ones + 1 + bits;
  if (together > 24) {
    reader.skip(ones + 1);
    return readLow(reader, bits, ones * step, reader.peek(bits));
  }
  const low = (ahead >>> (24 - together)) & (2 ** bits - 1);
  reader.skip(ones + 1);
  return readLow(reader, bits, ones * step, low);
}

function readLow(reader: BitReader, bits: number, base: number, low: number): number {
  if (low < 2) {
    reader.skip(bits - 1);
    return base;
  }
  reader.skip(bits);
  return base + low - 1;
}

/** An unsigned field of 1 to 32 bits. */
export function readWide(reader: BitReader, bits: number): number {
  if (bits <= 16) return reader.read(bits);
  const high = reader.read(bits - 16);
  return high * 65_536 + reader.read(16);
}
