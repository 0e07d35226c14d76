import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Audio, AudioLimits, AudioOpener, AudioProbe, StoredAudio } from './audio.ts';
import { PCM_RATE } from './audio.ts';
import { abortError, DecodeTask, processEnded } from './decode-task.ts';
import { probeInProcess } from './probe-in-process.ts';
import type { DecodeCeilings } from './protocol.ts';
import type { RecordingPlan } from './recording.ts';
import { toSendable } from './stored-source.ts';
import { WorkerPool } from './worker-pool.ts';

export interface AudioOpenerOptions {
  /** Decoding processes that are kept ready. */
  readonly workers: number;
  /** Decoding processes at most; default: two more. */
  readonly maxWorkers?: number;
  /** Calls of `open` that may wait for a process; beyond, `service_unavailable`. */
  readonly maxOpenRequests: number;
  /** How long a process may work on `open` without an answer; default 60 s. */
  readonly openTimeoutMs?: number;
  /** How long a process may take over one chunk of a few seconds of sound; default 30 s. */
  readonly chunkTimeoutMs?: number;
  /** Processor time to decode a recording: this much (default 20 s) and half its length. */
  readonly decodeTimeoutFloorMs?: number;
  /** Recordings up to this long are decoded while they are opened; default 30 s (1.9 MB of sound). */
  readonly inlineMaxMs?: number;
  /** Resident memory of one process; default 512 MB. A file that needs more is refused. */
  readonly maxWorkerRssBytes?: number;
  /** A stream that nobody has pulled from for so long gives its process to others who wait; default 2 s. */
  readonly stallMs?: number;
  /** Processes beyond `workers` go after so long without work; default 30 s. */
  readonly idleMs?: number;
  readonly log: Log;
}

/** Ten hours of 20 ms packets take under a second; a file that needs this long is made to. */
const WALK_CPU_MS = 15_000;
/** Even AAC in JavaScript decodes at many times this rate. */
const DECODE_CPU_SHARE = 0.5;
/** In flight between a process and its consumer: at four seconds each, 768 kB. */
const CREDIT_CHUNKS = 3;
const CANCEL_GRACE_MS = 500;
/** So many processes may be killed from outside at one recording; if more are, the system may do it because of the file. */
const MOST_LOSSES = 3;
const HEAP_MEGABYTES = 192;
/** The contract's longest chunk. */
const MAX_CHUNK_SAMPLES = 10 * PCM_RATE;
const MEGABYTE = 1024 * 1024;

/** The opener that the gateway uses, and its processes' ids for metrics and tests. */
export interface ProcessAudioOpener extends AudioOpener {
  readonly pids: readonly number[];
}

/** Starts the decoding processes. `close` ends them; recordings that are being heard then fail. */
export function createAudioOpener(options: AudioOpenerOptions): ProcessAudioOpener {
  return new Opener(options);
}

class Opener implements ProcessAudioOpener {
  readonly #options: Required<AudioOpenerOptions>;
  readonly #pool: WorkerPool;

  constructor(options: AudioOpenerOptions) {
    this.#options = {
      maxWorkers: options.workers + 2,
      openTimeoutMs: 60_000,
      chunkTimeoutMs: 30_000,
      decodeTimeoutFloorMs: 20_000,
      inlineMaxMs: 30_000,
      maxWorkerRssBytes: 512 * MEGABYTE,
      stallMs: 2_000,
      idleMs: 30_000,
      ...options,
    };
    const { workers, maxWorkers, maxWorkerRssBytes, stallMs, idleMs, log } = this.#options;
    this.#pool = new WorkerPool({
      workers,
      maxWorkers,
      idleMs,
      stallMs,
      heapMegabytes: HEAP_MEGABYTES,
      rssBytes: maxWorkerRssBytes,
      recycleRssBytes: maxWorkerRssBytes / 2,
      log,
    });
  }

  get pids(): readonly number[] {
    return this.#pool.pids;
  }

  async open(stored: StoredAudio, limits: AudioLimits, signal: AbortSignal): Promise<Audio> {
    if (signal.aborted) throw abortError(signal);
    if (limits.willHear === false) {
      const probed = probeInProcess(stored, limits.maxDurationMs);
      if (probed) return new OpenedAudio(this, stored, probed.probe, probed.plan, null);
    }
    if (this.#pool.waiting >= this.#options.maxOpenRequests) {
      throw new GatewayError('service_unavailable', 'Too many recordings are waiting to be read.', {
        retryAfterSeconds: 1,
      });
    }
    const { openTimeoutMs, inlineMaxMs } = this.#options;
    for (let losses = 0; ; losses++) {
      const task = new DecodeTask({ silenceMs: openTimeoutMs, cancelGraceMs: CANCEL_GRACE_MS }, signal);
      try {
        await task.start(this.#pool, (id) => ({
          type: 'open',
          task: id,
          stored: toSendable(stored),
          maxDurationMs: limits.maxDurationMs,
          inlineMaxMs: limits.willHear === false ? 0 : inlineMaxMs,
          ceilings: this.#ceilings(),
        }));
        const answer = await task.next();
        if (answer?.type === 'opened') return new OpenedAudio(this, stored, answer.probe, answer.plan, answer.pcm);
      } catch (error) {
        if (task.wasKilledFromOutside && losses < MOST_LOSSES) continue;
        throw error;
      }
      throw new GatewayError('server_error', 'The decoding process answered out of turn.');
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Decodes from `fromSample` on until the end, or until the process is wanted elsewhere or killed from outside. */
  async *stream(
    stored: StoredAudio,
    plan: RecordingPlan,
    fromSample: number,
    signal: AbortSignal,
  ): AsyncGenerator<Float32Array, 'end' | 'evicted' | 'lost'> {
    let isEvicted = false;
    let credit = CREDIT_CHUNKS;
    const task: DecodeTask = new DecodeTask(
      { silenceMs: this.#options.chunkTimeoutMs, cancelGraceMs: CANCEL_GRACE_MS },
      signal,
      () => {
        isEvicted = true;
        task.cancel();
      },
      (message) => {
        if (message.type === 'chunk' && --credit === 0) task.rest();
      },
    );
    try {
      await task.start(this.#pool, (id) => ({
        type: 'decode',
        task: id,
        stored: toSendable(stored),
        plan,
        fromSample,
        credit,
        ceilings: this.#ceilings(),
      }));
      for (;;) {
        const message = await task.next();
        if (!message) return 'evicted';
        if (message.type === 'end') return 'end';
        if (message.type !== 'chunk') continue;
        yield message.samples;
        if (!isEvicted) {
          credit++;
          task.grant(1);
        }
      }
    } catch (error) {
      if (task.wasKilledFromOutside) return 'lost';
      throw error;
    } finally {
      task.cancel();
    }
  }

  #ceilings(): DecodeCeilings {
    return {
      walkCpuMs: WALK_CPU_MS,
      decodeCpuFloorMs: this.#options.decodeTimeoutFloorMs,
      decodeCpuShare: DECODE_CPU_SHARE,
      rssBytes: this.#options.maxWorkerRssBytes,
    };
  }
}

class OpenedAudio implements Audio {
  readonly stored: StoredAudio;
  readonly probe: AudioProbe;
  readonly #opener: Opener;
  readonly #plan: RecordingPlan;
  readonly #inline: Float32Array | null;

  constructor(
    opener: Opener,
    stored: StoredAudio,
    probe: AudioProbe,
    plan: RecordingPlan,
    inline: Float32Array | null,
  ) {
    this.#opener = opener;
    this.stored = stored;
    this.probe = probe;
    this.#plan = plan;
    this.#inline = inline;
  }

  async *pcm(signal: AbortSignal): AsyncGenerator<Float32Array> {
    if (this.#inline) {
      for (let start = 0; start < this.#inline.length; start += MAX_CHUNK_SAMPLES) {
        if (signal.aborted) throw abortError(signal);
        // A copy: consumers may hand their chunks on for good, and this sound may be heard again.
        yield this.#inline.slice(start, start + MAX_CHUNK_SAMPLES);
      }
      return;
    }
    let heard = 0;
    let losses = 0;
    for (;;) {
      const stream = this.#opener.stream(this.stored, this.#plan, heard, signal);
      try {
        for (let next = await stream.next(); ; next = await stream.next()) {
          if (next.done && next.value === 'end') return;
          if (next.done && next.value === 'lost' && ++losses > MOST_LOSSES) throw processEnded();
          if (next.done) break; // go on where it stopped, in whatever process is free by then
          heard += next.value.length;
          yield next.value;
        }
      } finally {
        await stream.return('end');
      }
    }
  }
}
