/** How patient a request is with those that it asks. Operators set it in the `routing` section. */
export interface AttemptLimits {
  /** How often the same provider is asked once more after a failure that may be over by then. */
  readonly retries: number;
  /** Longest wait before it is asked once more; who wants a longer pause is left for the next candidate. */
  readonly maxRetryWaitMs: number;
  /** The wait before the first try again is random, up to this; before each further one up to twice as much. */
  readonly backoffMs: number;
  /** Longest time for one call, where somebody else could still answer: this, and `callPerAudioMs` on top. */
  readonly callBaseMs: number;
  /** Milliseconds more for every millisecond of the audio of that call. */
  readonly callPerAudioMs: number;
  /** null: never two at a time. */
  readonly hedge: HedgeDelay | null;
}

/** When the next candidate is started beside one that has not answered. */
export interface HedgeDelay {
  readonly baseMs: number;
  /** Milliseconds more for every millisecond of audio. */
  readonly perAudioMs: number;
}

/**
 * Vendors transcribe at ten times real time and more, so a minute and half the audio's length is an outage; twice that is
 * the default deadline of a request, so that a second candidate has as long. Retries are few and quick: who does not
 * answer three times within two seconds is better left to the breaker.
 */
export const defaultAttemptLimits: AttemptLimits = {
  retries: 2,
  maxRetryWaitMs: 5000,
  backoffMs: 300,
  callBaseMs: 60_000,
  callPerAudioMs: 0.5,
  hedge: null,
};
