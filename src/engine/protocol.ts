import type { ErrorCode } from '../core/errors.ts';
import type { VadState } from './vad/silero-vad.ts';

/**
 * Everything that crosses between the server and an engine process, both ways, in one union; both ends compile against it.
 * Sound is mono float32 at 16 kHz. Times are milliseconds from the start of the sound in the same message.
 */

/** What an engine process loads when it starts. */
export interface WorkerSetup {
  /** Path of the Silero model file. */
  readonly vadPath: string;
  readonly models: readonly WorkerModel[];
  readonly threads: number;
}

export interface WorkerModel {
  /** Artifact id. */
  readonly id: string;
  readonly loader: 'moonshine';
  readonly folder: string;
}

/** Find speech in the next stretch of a recording. */
export interface DetectJob {
  readonly type: 'detect';
  readonly pcm: Float32Array;
  /** null at the start of a recording. */
  readonly state: VadState | null;
}

/** Write down one window. */
export interface RecogniseJob {
  readonly type: 'recognise';
  readonly modelId: string;
  readonly pcm: Float32Array;
  /** Speech probability of each 32 ms frame of `pcm`; null: find out first, and stop when nobody speaks. */
  readonly speech: Float32Array | null;
  readonly wantTimes: boolean;
}

/** Find the times and probabilities of words that are known. */
export interface AlignJob {
  readonly type: 'align';
  readonly modelId: string;
  readonly pcm: Float32Array;
  readonly speech: Float32Array | null;
  /** In the order in which they are spoken; none empty. */
  readonly words: readonly string[];
}

export type EngineJob = DetectJob | RecogniseJob | AlignJob;

export interface DetectResult {
  readonly speech: Float32Array;
  readonly state: VadState;
}

export interface HeardWord {
  /** As written, without outer space. */
  readonly text: string;
  /** null when times were not asked for. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly tokens: readonly HeardToken[];
}

export interface HeardToken {
  readonly id: number;
  /** UTF-8, a leading space included. */
  readonly bytes: Uint8Array;
  /** Natural-log probability. */
  readonly logprob: number;
}

export interface RecogniseResult {
  readonly words: readonly HeardWord[];
  /** Milliseconds of detected speech. */
  readonly speechMs: number;
  /** First and last moment of detected speech; null: none. */
  readonly speechSpan: { readonly startMs: number; readonly endMs: number } | null;
  /** Mean speech probability between the two, 0 when there is none. */
  readonly speechProbability: number;
  /** There is speech that could not be written down, whatever was tried. */
  readonly unheard: boolean;
}

export interface AlignResult {
  readonly words: readonly HeardWord[];
}

export interface EngineResults {
  readonly detect: DetectResult;
  readonly recognise: RecogniseResult;
  readonly align: AlignResult;
}

export type ToWorker =
  | { readonly type: 'setup'; readonly setup: WorkerSetup }
  | { readonly type: 'job'; readonly id: number; readonly job: EngineJob }
  | { readonly type: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'setup-failed'; readonly message: string }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly result: EngineResults[keyof EngineResults];
      /** Resident memory after the job, in bytes. */
      readonly residentBytes: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
