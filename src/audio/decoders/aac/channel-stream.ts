import type { BandTable } from './band-tables.ts';

/** What every packet of a stream has in common. */
export interface StreamFormat {
  /** 1 for Main, 2 for LC. */
  readonly objectType: number;
  readonly frameLength: 1024 | 960;
  readonly bands: BandTable;
}

export const ONLY_LONG = 0;
export const LONG_START = 1;
export const EIGHT_SHORT = 2;
export const LONG_STOP = 3;

/** Codebooks above the spectral ones say how else a band is made. */
export const NOISE_BOOK = 13;
export const INTENSITY_OUT_OF_PHASE_BOOK = 14;
export const INTENSITY_IN_PHASE_BOOK = 15;

/** The most (group, band) cells of a channel: eight groups of fifteen short bands. */
const MAX_CELLS = 120;
const MAX_LONG_BANDS = 51;

/** `ics_info`: how the frame is cut into windows, groups and bands. Both channels of a pair may share one. */
export class IcsInfo {
  windowSequence = ONLY_LONG;
  /** 0: sine, 1: Kaiser-Bessel derived. */
  windowShape = 0;
  /** Bands that are coded, from the lowest. */
  maxBand = 0;
  groupCount = 1;
  /** Windows in each group: one long window, or eight short ones in all. */
  readonly groupLengths = new Uint8Array(8);
  edges = new Uint16Array(1);
  /** Main profile only. */
  predictionPresent = false;
  /** Group of predictors to start anew, 1 to 30; 0: none. */
  predictorReset = 0;
  readonly predictionUsed = new Uint8Array(MAX_LONG_BANDS);

  get isShort(): boolean {
    return this.windowSequence === EIGHT_SHORT;
  }

  copyFrom(other: IcsInfo): void {
    this.windowSequence = other.windowSequence;
    this.windowShape = other.windowShape;
    this.maxBand = other.maxBand;
    this.groupCount = other.groupCount;
    this.groupLengths.set(other.groupLengths);
    this.edges = other.edges;
    this.predictionPresent = other.predictionPresent;
    this.predictorReset = other.predictorReset;
    this.predictionUsed.set(other.predictionUsed);
  }
}

/** A temporal noise shaping filter over some bands of one window. */
export interface TnsFilter {
  readonly window: number;
  /** Bands that the filter covers, counted down from where the window's previous filter ended. */
  readonly bandCount: number;
  readonly backwards: boolean;
  /** Prediction coefficients a[1] to a[order]; empty when the filter only passes over its bands. */
  readonly coefficients: Float64Array;
}

/** One channel's part of one packet. Cells (group, band) are numbered group · maxBand + band. */
export class ChannelStream {
  readonly info = new IcsInfo();
  readonly codebooks = new Uint8Array(MAX_CELLS);
  /** By codebook: the scalefactor, the noise energy or the intensity position, each in quarter powers of two. */
  readonly scalefactors = new Int16Array(MAX_CELLS);
  /** Quantised coefficients, window after window. */
  readonly quantised = new Int16Array(1024);
  /** Coefficients at the scale of 16-bit samples, window after window. */
  readonly spectrum = new Float64Array(1024);
  tnsFilters: readonly TnsFilter[] = [];
}
