import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type AlignmentAsk, alignRecording } from './align-recording.ts';
import { type DetectedSpan, type DetectionAsk, detectSpeech } from './detect-speech.ts';
import { hearRecording } from './hear-recording.ts';
import { EnginePool, type EnginePoolStatus } from './pool/engine-pool.ts';
import type { HeardWord, WorkerDuo, WorkerModel } from './protocol.ts';
import type { HeardWindow, RecordingAsk } from './recording-ask.ts';

export interface EngineOptions {
  readonly models: EngineModels;
  readonly workers: number;
  readonly threadsPerWorker: number;
  /** Recordings that may be in work or waiting at once; one more is a 503 with Retry-After. */
  readonly maxRecordings: number;
  readonly recycleResidentBytes: number;
  readonly jobTimeoutMs: number;
  readonly log: Log;
}

/** What the engine can run. */
export interface EngineModels {
  /** Path of the Silero VAD model. */
  readonly vadPath: string;
  readonly models: readonly WorkerModel[];
  readonly duos: readonly WorkerDuo[];
  /** Ids of models that every process loads at once; the others are loaded when they are first needed. */
  readonly warm: readonly string[];
}

export type { TextStretch } from './align-stretches.ts';
export type { DetectedSpan, DetectionAsk } from './detect-speech.ts';
export type { HeardWindow, RecordingAsk } from './recording-ask.ts';

export interface EngineStatus extends EnginePoolStatus {
  readonly recordings: number;
  readonly models: readonly string[];
}

/** The embedded engine: recordings in, windows of heard words out. */
export interface Engine {
  /** Ids of models and duos that can be asked for. */
  readonly models: readonly string[];
  /** Other models from now on; work in progress ends as it began. */
  changeModels(models: EngineModels): void;
  /** Resolves when the first process can work. */
  ready(): Promise<void>;
  status(): EngineStatus;
  /** Windows in time order, each as soon as it and all before it are done. Rejects with GatewayError. */
  hear(ask: RecordingAsk): AsyncIterable<HeardWindow>;
  /** Times and probabilities of a known text over a recording of any length, one entry for each word. */
  align(ask: AlignmentAsk): Promise<readonly HeardWord[]>;
  /** Where somebody speaks in a recording of any length, by the voice detector alone. Rejects with GatewayError. */
  detectSpeech(ask: DetectionAsk): Promise<readonly DetectedSpan[]>;
  close(): Promise<void>;
}

export function createEngine(options: EngineOptions): Engine {
  const pool = new EnginePool({
    setup: { ...options.models, threads: options.threadsPerWorker },
    workers: options.workers,
    recycleResidentBytes: options.recycleResidentBytes,
    jobTimeoutMs: options.jobTimeoutMs,
    log: options.log,
  });
  let models = idsOf(options.models);
  let recordings = 0;
  const admit = () => {
    if (recordings >= options.maxRecordings) {
      throw new GatewayError('service_unavailable', 'The engine is busy and its queue is full. Try again later.', {
        // A queue of this length takes about this long to clear when each recording is a few seconds of work.
        retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(recordings / (options.workers * 2)))),
      });
    }
    recordings++;
  };
  return {
    get models() {
      return models;
    },
    changeModels(changed) {
      models = idsOf(changed);
      pool.changeSetup({ ...changed, threads: options.threadsPerWorker });
    },
    ready: () => pool.ready(),
    status: () => ({ ...pool.status(), recordings, models }),
    async *hear(ask) {
      admit();
      try {
        yield* hearRecording(pool, ask, options.workers);
      } finally {
        recordings--;
      }
    },
    async align(ask) {
      admit();
      try {
        return await alignRecording(pool, ask, options.workers);
      } finally {
        recordings--;
      }
    },
    async detectSpeech(ask) {
      admit();
      try {
        return await detectSpeech(pool, ask);
      } finally {
        recordings--;
      }
    },
    close: () => pool.close(),
  };
}

function idsOf({ models, duos }: EngineModels): readonly string[] {
  return [...models, ...duos].map((one) => one.id);
}
