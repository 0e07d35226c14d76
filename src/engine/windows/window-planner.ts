/**
 * Cuts a recording of any length into windows that a recogniser hears at once, while the recording is still coming in.
 * Works on frames of the VAD (32 ms); knows nothing about samples or models.
 */

export interface WindowRules {
  /** No window is longer. */
  readonly maxFrames: number;
  /** A window that has reached this length is closed at the next pause, however short the next utterance. */
  readonly goodFrames: number;
  /** Silence between two utterances up to this stays inside one window; more silence always parts them. */
  readonly maxGapFrames: number;
  /** Silence kept before and after the speech of a window. */
  readonly padFrames: number;
  /** Speech shorter than this, standing alone, is no speech. */
  readonly minSpeechFrames: number;
  /** Probability above which speech begins. */
  readonly onset: number;
  /** Probability below which speech ends. */
  readonly offset: number;
  /** Frames below `offset` that end an utterance. */
  readonly hangFrames: number;
}

/** One window, in frames from the start of the recording. `endFrame` is the first frame after it. */
export interface PlannedWindow {
  readonly startFrame: number;
  readonly endFrame: number;
  /** Where speech was detected inside it. */
  readonly speech: readonly SpeechRegion[];
  /** The end is a cut inside speech, not a pause. */
  readonly cutInSpeech: boolean;
}

export interface SpeechRegion {
  readonly startFrame: number;
  readonly endFrame: number;
}

interface OpenWindow {
  startFrame: number;
  speech: SpeechRegion[];
}

export class WindowPlanner {
  readonly #rules: WindowRules;
  /** Probabilities from `#firstKept` on; older frames can no longer change a window. */
  #kept: number[] = [];
  #firstKept = 0;
  #frame = 0;
  #window: OpenWindow | null = null;
  #regionStart = -1;
  #lastVoiced = -1;
  /** End of the last window: the padding of the next must not reach back over it. */
  #floor = 0;

  constructor(rules: WindowRules) {
    this.#rules = rules;
  }

  /** The first frame that a later window may still begin at: sound before it can be forgotten. */
  get keepFromFrame(): number {
    if (this.#window) return this.#window.startFrame;
    if (this.#regionStart >= 0) return this.#padded(this.#regionStart);
    return Math.max(this.#floor, this.#frame - this.#rules.padFrames);
  }

  /** Takes the speech probability of the next frame; returns the windows that it completes, mostly none. */
  push(probability: number): PlannedWindow[] {
    const { onset, offset, hangFrames, maxFrames } = this.#rules;
    const done: PlannedWindow[] = [];
    const frame = this.#frame++;
    this.#kept.push(probability);
    if (this.#regionStart < 0) {
      if (probability >= onset) {
        this.#regionStart = frame;
        this.#lastVoiced = frame;
      }
    } else if (probability >= offset) {
      this.#lastVoiced = frame;
    } else if (frame - this.#lastVoiced >= hangFrames) {
      done.push(...this.#closeRegion(this.#lastVoiced + 1));
    }
    if (this.#regionStart >= 0 && frame + 1 - this.#startWith(this.#regionStart) >= maxFrames) {
      done.push(...this.#overflow(frame + 1));
    }
    const window = this.#window;
    if (window && this.#regionStart < 0 && this.#frame - lastEnd(window) > this.#rules.maxGapFrames) {
      done.push(this.#emit(window));
    }
    this.#forget();
    return done;
  }

  /** The recording has ended. */
  finish(): PlannedWindow[] {
    const done: PlannedWindow[] = [];
    if (this.#regionStart >= 0) done.push(...this.#closeRegion(this.#lastVoiced + 1));
    if (this.#window) done.push(this.#emit(this.#window));
    return done;
  }

  #padded(frame: number): number {
    return Math.max(this.#floor, frame - this.#rules.padFrames);
  }

  /** Where a window that takes the open region would begin. */
  #startWith(regionStart: number): number {
    return this.#window?.startFrame ?? this.#padded(regionStart);
  }

  #closeRegion(endFrame: number): PlannedWindow[] {
    const region = { startFrame: this.#regionStart, endFrame };
    this.#regionStart = -1;
    if (endFrame - region.startFrame < this.#rules.minSpeechFrames && !this.#window) return [];
    const done: PlannedWindow[] = [];
    const window = this.#window;
    if (window && !this.#fits(window, region)) done.push(this.#emit(window));
    if (this.#window) this.#window.speech.push(region);
    else this.#window = { startFrame: this.#padded(region.startFrame), speech: [region] };
    return done;
  }

  #fits(window: OpenWindow, region: SpeechRegion): boolean {
    const { maxFrames, goodFrames, padFrames } = this.#rules;
    return (
      lastEnd(window) - window.startFrame < goodFrames && region.endFrame + padFrames - window.startFrame <= maxFrames
    );
  }

  /** The open region has filled the window: close what stands before it, or cut the region at its quietest place. */
  #overflow(endFrame: number): PlannedWindow[] {
    const window = this.#window;
    if (window) {
      const done = [this.#emit(window)];
      // The region alone may still be too long for one window.
      if (endFrame - this.#padded(this.#regionStart) >= this.#rules.maxFrames) done.push(...this.#overflow(endFrame));
      return done;
    }
    const cut = this.#quietest(this.#regionStart + (this.#rules.maxFrames >> 1), endFrame);
    const region = { startFrame: this.#regionStart, endFrame: cut };
    const startFrame = this.#padded(region.startFrame);
    this.#floor = cut;
    this.#regionStart = cut;
    return [{ startFrame, endFrame: cut, speech: [region], cutInSpeech: true }];
  }

  /**
   * The middle of the three frames with the least speech between `from` and `to`; the later one when equal. Never so near
   * to the last speech that what stays of it would pass for a blip if nothing followed.
   */
  #quietest(from: number, to: number): number {
    const blipFrom = this.#lastVoiced + 1 - this.#rules.minSpeechFrames;
    let best = to;
    let least = Number.POSITIVE_INFINITY;
    for (let frame = Math.max(from, this.#firstKept + 1); frame < to - 1; frame++) {
      if (frame > blipFrom && frame <= this.#lastVoiced) continue;
      const index = frame - this.#firstKept;
      const sum = (this.#kept[index - 1] ?? 1) + (this.#kept[index] ?? 1) + (this.#kept[index + 1] ?? 1);
      if (sum <= least) {
        least = sum;
        best = frame;
      }
    }
    return best;
  }

  #emit(window: OpenWindow): PlannedWindow {
    this.#window = null;
    const next = this.#regionStart >= 0 ? this.#regionStart : this.#frame;
    const end = lastEnd(window);
    // Two windows share the silence between them in the middle when it is shorter than both paddings.
    const endFrame = Math.min(
      end + this.#rules.padFrames,
      Math.max(end, (end + next) >> 1, next - this.#rules.padFrames),
    );
    this.#floor = endFrame;
    return { startFrame: window.startFrame, endFrame, speech: window.speech, cutInSpeech: false };
  }

  #forget(): void {
    const keepFrom = Math.min(this.keepFromFrame, this.#frame - this.#rules.maxFrames);
    if (keepFrom - this.#firstKept < 1024) return;
    this.#kept.splice(0, keepFrom - this.#firstKept);
    this.#firstKept = keepFrom;
  }
}

function lastEnd(window: OpenWindow): number {
  return window.speech.at(-1)?.endFrame ?? window.startFrame;
}
