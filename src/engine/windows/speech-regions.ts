import { VAD_FRAME_MS } from '../vad/silero-vad.ts';
import type { SpeechRegion, WindowRules } from './window-planner.ts';

/**
 * How windows are cut, for models that hear up to 25 s at once. Measured on 2026-11-21 on the two long test files
 * (WER 8.3 and 4.5 %; windows up to 15 s: 8.4 and 4.7 %; closing at the first pause after 5 s: 8.6 and 4.5 %) with whole
 * clips up to 25 s left uncut (cutting them at pauses costs 1.4 to 2.2 points on read English).
 */
export const MAX_WINDOW_MS = 25_000;

export const windowRules: WindowRules = {
  maxFrames: Math.floor(MAX_WINDOW_MS / VAD_FRAME_MS),
  goodFrames: Math.floor(12_000 / VAD_FRAME_MS),
  maxGapFrames: Math.floor(800 / VAD_FRAME_MS),
  padFrames: Math.floor(300 / VAD_FRAME_MS),
  // The detector's first frames can be high on plain noise; five of them were the longest such run seen.
  minSpeechFrames: 6,
  onset: 0.5,
  offset: 0.35,
  hangFrames: Math.floor(500 / VAD_FRAME_MS),
};

/** Stretches of speech, found frame by frame; shorter ones than `minSpeechFrames` are left out. */
export class SpeechRegionFinder {
  readonly #rules: WindowRules;
  readonly #regions: SpeechRegion[] = [];
  #frame = 0;
  #startFrame = -1;
  #lastVoiced = -1;

  constructor(rules: WindowRules) {
    this.#rules = rules;
  }

  /** Takes the speech probability of the next frame. */
  push(probability: number): void {
    const { onset, offset, hangFrames } = this.#rules;
    const frame = this.#frame++;
    if (this.#startFrame < 0 ? probability >= onset : probability >= offset) {
      if (this.#startFrame < 0) this.#startFrame = frame;
      this.#lastVoiced = frame;
    } else if (this.#startFrame >= 0 && frame - this.#lastVoiced >= hangFrames) {
      this.#close();
    }
  }

  /** All stretches, in order; the sound has ended. */
  finish(): readonly SpeechRegion[] {
    this.#close();
    return this.#regions;
  }

  #close(): void {
    const endFrame = this.#lastVoiced + 1;
    if (this.#startFrame >= 0 && endFrame - this.#startFrame >= this.#rules.minSpeechFrames) {
      this.#regions.push({ startFrame: this.#startFrame, endFrame });
    }
    this.#startFrame = -1;
  }
}

/** Stretches of speech in the probabilities of one window; shorter ones than `minSpeechFrames` are left out. */
export function speechRegions(speech: Float32Array, rules: WindowRules = windowRules): readonly SpeechRegion[] {
  const finder = new SpeechRegionFinder(rules);
  for (const probability of speech) finder.push(probability);
  return finder.finish();
}
