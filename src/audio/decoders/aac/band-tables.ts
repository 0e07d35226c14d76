/**
 * Figures of ISO/IEC 14496-3 that depend on the sampling rate: scalefactor band edges (tables 4.129 to 4.147), the
 * highest bands that TNS (4.6.9.4) and prediction (4.6.7.2) reach.
 */
export interface BandTable {
  /** First coefficient of each band of a long window; the last entry is the frame length. */
  readonly longEdges: Uint16Array<ArrayBuffer>;
  /** The same for one of the eight short windows. */
  readonly shortEdges: Uint16Array<ArrayBuffer>;
  readonly tnsLongBands: number;
  readonly tnsShortBands: number;
  /** Bands that the predictors of the Main profile work on. */
  readonly predictionBands: number;
}

/** Sampling rates by their index in an AudioSpecificConfig or ADTS header. */
export const samplingRates: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/** The lowest rates that the tables of each index serve, for rates that have no index (table 4.82). */
const lowestRates = [92_017, 75_132, 55_426, 46_009, 37_566, 27_713, 23_004, 18_783, 13_856, 11_502, 9_391];

const long96 = [
  0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 156, 172, 188, 212,
  240, 276, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960, 1024,
];
const long64 = [
  0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 64, 72, 80, 88, 100, 112, 124, 140, 156, 172, 192, 216, 240,
  268, 304, 344, 384, 424, 464, 504, 544, 584, 624, 664, 704, 744, 784, 824, 864, 904, 944, 984, 1024,
];
const long48 = [
  0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 88, 96, 108, 120, 132, 144, 160, 176, 196, 216, 240, 264,
  292, 320, 352, 384, 416, 448, 480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800, 832, 864, 896, 928, 1024,
];
const long32 = [...long48.slice(0, -1), 960, 992, 1024];
const long24 = [
  0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 136, 148, 160, 172, 188, 204,
  220, 240, 260, 284, 308, 336, 364, 396, 432, 468, 508, 552, 600, 652, 704, 768, 832, 896, 960, 1024,
];
const long16 = [
  0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 100, 112, 124, 136, 148, 160, 172, 184, 196, 212, 228, 244, 260, 280,
  300, 320, 344, 368, 396, 424, 456, 492, 532, 572, 616, 664, 716, 772, 832, 896, 960, 1024,
];
const long8 = [
  0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120, 132, 144, 156, 172, 188, 204, 220, 236, 252, 268, 288, 308, 328, 348,
  372, 396, 420, 448, 476, 508, 544, 580, 620, 664, 712, 764, 820, 880, 944, 1024,
];
const short96 = [0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 92, 128];
const short48 = [0, 4, 8, 12, 16, 20, 28, 36, 44, 56, 68, 80, 96, 112, 128];
const short24 = [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 64, 76, 92, 108, 128];
const short16 = [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 60, 72, 88, 108, 128];
const short8 = [0, 4, 8, 12, 16, 20, 24, 28, 36, 44, 52, 60, 72, 88, 108, 128];

/** Long edges, short edges, TNS bands of long and short windows, prediction bands: a row for each sampling index. */
const rows: readonly (readonly [readonly number[], readonly number[], number, number, number])[] = [
  [long96, short96, 31, 9, 33],
  [long96, short96, 31, 9, 33],
  [long64, short96, 34, 10, 38],
  [long48, short48, 40, 14, 40],
  [long48, short48, 42, 14, 40],
  [long32, short48, 51, 14, 40],
  [long24, short24, 46, 14, 41],
  [long24, short24, 46, 14, 41],
  [long16, short16, 42, 14, 37],
  [long16, short16, 42, 14, 37],
  [long16, short16, 42, 14, 37],
  [long8, short8, 39, 14, 34],
];

/** The band tables for a sampling rate in hertz and a frame length; frames of 960 use the same edges, cut off there. */
export function bandTable(sampleRate: number, frameLength: 1024 | 960): BandTable {
  const found = lowestRates.findIndex((lowest) => sampleRate >= lowest);
  const [long, short, tnsLongBands, tnsShortBands, predictionBands] = rows[found === -1 ? rows.length - 1 : found]!;
  return {
    longEdges: cutAt(long, frameLength),
    shortEdges: cutAt(short, frameLength / 8),
    tnsLongBands,
    tnsShortBands,
    predictionBands,
  };
}

function cutAt(edges: readonly number[], end: number): Uint16Array<ArrayBuffer> {
  return Uint16Array.from([...edges.filter((edge) => edge < end), end]);
}
