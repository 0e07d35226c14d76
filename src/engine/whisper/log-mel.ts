import { PairedSpectrum, SPECTRUM_BINS, SPECTRUM_POINTS } from './paired-spectrum.ts';

/** Samples (16 kHz) from one frame to the next: 10 ms. */
export const HOP_SAMPLES = 160;
const SAMPLE_RATE_HZ = 16_000;
/** Powers below this count as this; Whisper's own floor. */
const LEAST_POWER = 1e-10;
/** Values more than this below the loudest one, in tens of decibels, are raised to it; Whisper's own. */
const RANGE = 8;

/** One triangle over neighbouring frequencies. */
interface MelFilter {
  readonly firstBin: number;
  readonly weights: Float64Array;
}

/**
 * What Whisper listens to: the logarithm of the power in 80 (or 128) bands, a frame each 10 ms, exactly as OpenAI's
 * `log_mel_spectrogram` makes it (Hann window of 400 samples, Slaney's mel bands, mirrored edges, floor 8 below the peak).
 */
export class LogMel {
  readonly bands: number;
  readonly #filters: readonly MelFilter[];
  readonly #spectrum = new PairedSpectrum();
  readonly #hann = Float64Array.from(
    { length: SPECTRUM_POINTS },
    (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / SPECTRUM_POINTS),
  );

  constructor(bands: number) {
    this.bands = bands;
    this.#filters = slaneyFilters(bands);
  }

  /**
   * Bands by frames in one block, band after band. `pcm` is mono at 16 kHz, about -1..1; what is not a finite number counts
   * as silence. Sound beyond `frames` is left out, what is missing is silence.
   */
  of(pcm: Float32Array, frames: number): Float32Array {
    const { bands } = this;
    const values = new Float32Array(bands * frames).fill(Math.log10(LEAST_POWER));
    const samples = Math.min(pcm.length, frames * HOP_SAMPLES);
    const sound = mirrored(pcm.subarray(0, samples), frames);
    const voiced = Math.min(frames, Math.ceil((samples + SPECTRUM_POINTS / 2) / HOP_SAMPLES));
    const first = new Float64Array(SPECTRUM_POINTS);
    const second = new Float64Array(SPECTRUM_POINTS);
    const powers = { first: new Float64Array(SPECTRUM_BINS), second: new Float64Array(SPECTRUM_BINS) };
    for (let frame = 0; frame < voiced; frame += 2) {
      this.#cut(sound, frame, first);
      this.#cut(sound, frame + 1, second);
      this.#spectrum.transform(first, second, powers);
      this.#bandsOf(powers.first, values, frame, frames);
      if (frame + 1 < frames) this.#bandsOf(powers.second, values, frame + 1, frames);
    }
    let peak = Math.log10(LEAST_POWER);
    for (const value of values) if (value > peak) peak = value;
    const least = peak - RANGE;
    for (let index = 0; index < values.length; index++) values[index] = (Math.max(values[index]!, least) + 4) / 4;
    return values;
  }

  /** The windowed samples of a frame; silence beyond the sound. */
  #cut(sound: Float64Array, frame: number, into: Float64Array): void {
    const from = frame * HOP_SAMPLES;
    for (let index = 0; index < SPECTRUM_POINTS; index++) {
      into[index] = (sound[from + index] ?? 0) * this.#hann[index]!;
    }
  }

  #bandsOf(power: Float64Array, values: Float32Array, frame: number, frames: number): void {
    for (let band = 0; band < this.bands; band++) {
      const { firstBin, weights } = this.#filters[band]!;
      let sum = 0;
      for (let index = 0; index < weights.length; index++) sum += weights[index]! * power[firstBin + index]!;
      values[band * frames + frame] = Math.log10(Math.max(sum, LEAST_POWER));
    }
  }
}

/** The sound with half a window in front and behind; edges are mirrored, as the frames are centred on their moments. */
function mirrored(pcm: Float32Array, frames: number): Float64Array {
  const half = SPECTRUM_POINTS / 2;
  const length = Math.min(frames * HOP_SAMPLES, pcm.length + SPECTRUM_POINTS);
  const sound = new Float64Array(length + 2 * half);
  for (let index = 0; index < pcm.length; index++) {
    const sample = pcm[index]!;
    sound[half + index] = Number.isFinite(sample) ? sample : 0;
  }
  for (let index = 1; index <= half; index++) sound[half - index] = sound[half + index] ?? 0;
  // Only sound that fills all frames has an edge at the end; else there is silence on both sides of it.
  if (length === frames * HOP_SAMPLES) {
    for (let index = 1; index <= half; index++) {
      sound[half + length - 1 + index] = sound[half + length - 1 - index] ?? 0;
    }
  }
  return sound;
}

/** Slaney's scale: linear below 1 kHz (15 mel), logarithmic above; each triangle has the same area. */
function slaneyFilters(bands: number): MelFilter[] {
  const topMel = 15 + (27 * Math.log(SAMPLE_RATE_HZ / 2 / 1000)) / Math.log(6.4);
  const hertz = (mel: number) => (mel < 15 ? (mel * 200) / 3 : 1000 * Math.exp((Math.log(6.4) / 27) * (mel - 15)));
  const edges = Array.from({ length: bands + 2 }, (_, index) => hertz((topMel * index) / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => {
    const [low, middle, high] = edges.slice(band, band + 3) as [number, number, number];
    const all = Float64Array.from({ length: SPECTRUM_BINS }, (_, bin) => {
      const frequency = (bin * SAMPLE_RATE_HZ) / SPECTRUM_POINTS;
      const rising = (frequency - low) / (middle - low);
      const falling = (high - frequency) / (high - middle);
      return Math.max(0, Math.min(rising, falling)) * (2 / (high - low));
    });
    const firstBin = Math.max(
      0,
      all.findIndex((weight) => weight > 0),
    );
    return { firstBin, weights: all.slice(firstBin, all.findLastIndex((weight) => weight > 0) + 1) };
  });
}
