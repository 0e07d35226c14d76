import { type Audio, PCM_RATE, type SpeechFinder, type SpeechSpan } from '../../audio/audio.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

/**
 * Looked at in one go: long enough that a detector's start does not show, short enough that the first piece of a recording
 * waits for little more than its own sound.
 */
const stretchMs = 120_000;

/** Where somebody speaks in a recording, found no further ahead than is asked for: the first piece need not wait for all. */
export class SpeechAhead {
  readonly #finder: SpeechFinder;
  readonly #audio: Audio;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #chunks: AsyncIterator<Float32Array>;
  readonly #found: SpeechSpan[] = [];
  #samples = 0;
  #knownMs = 0;

  constructor(finder: SpeechFinder, audio: Audio, signal: AbortSignal, log: Log) {
    this.#finder = finder;
    this.#audio = audio;
    this.#signal = signal;
    this.#log = log;
    this.#chunks = audio.pcm(signal)[Symbol.asyncIterator]();
  }

  /** In time order; what nobody has looked at yet counts as speech. */
  get spans(): readonly SpeechSpan[] {
    const { durationMs } = this.#audio.probe;
    return this.#knownMs < durationMs ? [...this.#found, { startMs: this.#knownMs, endMs: durationMs }] : this.#found;
  }

  /** Everything before has been looked at. */
  get knownMs(): number {
    return this.#knownMs;
  }

  /**
   * Looks at the next stretch. Without a detector (it is full, its process died) all that is left counts as speech: quiet
   * places are good cuts too. Rejects as `Audio.pcm` does.
   */
  async goOn(): Promise<void> {
    const fromMs = this.#knownMs;
    const { durationMs } = this.#audio.probe;
    let isOver = false;
    const samplesBefore = this.#samples;
    const take = () => this.#chunks.next();
    const counted = (chunk: Float32Array) => {
      this.#samples += chunk.length;
    };
    const isFull = () => this.#samples - samplesBefore >= (stretchMs * PCM_RATE) / 1000;
    const stretch: Audio = {
      ...this.#audio,
      async *pcm() {
        while (!isFull()) {
          const next = await take();
          if (next.done) {
            isOver = true;
            return;
          }
          counted(next.value);
          yield next.value;
        }
      },
    };
    try {
      const spans = await this.#finder.find(stretch, this.#signal);
      if (!isOver && !isFull()) throw new GatewayError('server_error', 'A detector did not listen to the end.');
      this.#knownMs = isOver ? durationMs : Math.min(durationMs, Math.floor((this.#samples * 1000) / PCM_RATE));
      // A detector counts in frames: the last one may reach into the next stretch.
      for (const { startMs, endMs } of spans) {
        const span = { startMs: fromMs + startMs, endMs: Math.min(fromMs + endMs, this.#knownMs) };
        if (span.endMs > span.startMs) this.#found.push(span);
      }
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (this.#signal.aborted || error.next === 'stop') throw error;
      this.#log.warn({ error: error.code }, 'a recording is cut without knowing where somebody speaks');
      this.#found.push({ startMs: fromMs, endMs: durationMs });
      this.#knownMs = durationMs;
    }
  }

  /** Ends the decoding. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
