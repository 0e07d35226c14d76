import type { ErrorCode } from '../core/errors.ts';
import type { SpeechTask } from './speech-model.ts';
import type { VadState } from './vad/silero-vad.ts';

/**
 * Everything that crosses between the server and an engine process, both ways, in one union; both ends compile against it.
 * Sound is mono float32 at 16 kHz. Times are milliseconds from the start of the sound in the same message.
 */

/** What an engine process loads when it starts. */
export interface WorkerSetup {
  /** Path of the Silero model file. */
  readonly vadPath: string;
  /** Everything that may be asked for. A model is loaded when it is first needed, unless `warm` names it. */
  readonly models: readonly WorkerModel[];
  readonly duos: readonly WorkerDuo[];
  /** Ids of models that are loaded and run once before the process counts as ready. */
  readonly warm: readonly string[];
  readonly threads: number;
}

/** How a model's folder is read. The `sherpa-…` ones run in sherpa-onnx, which the operator installs beside them. */
export type ModelLoader =
  | 'moonshine'
  | 'whisper'
  | 'sherpa-sense-voice'
  | 'sherpa-nemo-transducer'
  | 'sherpa-zipformer-streaming';

export interface WorkerModel {
  /** Artifact id. */
  readonly id: string;
  readonly loader: ModelLoader;
  readonly folder: string;
}

/** How two models share the work: the quick one unless it is English that it is unsure of, or always both. */
export type DuoMode = 'fast' | 'auto' | 'accurate';

/** Two loaded models under one name: an English one, and one of many languages that also serves every other language. */
export interface WorkerDuo {
  readonly id: string;
  readonly mode: DuoMode;
  /** Artifact ids of two of the setup's models. */
  readonly english: string;
  readonly general: string;
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
  /** Id of a model or a duo. */
  readonly modelId: string;
  readonly pcm: Float32Array;
  /** Speech probability of each 32 ms frame of `pcm`; null: find out first, and stop when nobody speaks. */
  readonly speech: Float32Array | null;
  readonly wantTimes: boolean;
  readonly task: SpeechTask;
  /** ISO-639-1; null: find out. */
  readonly language: string | null;
  /** What the recording spoke before this window, when `language` is null: another language needs clear evidence. */
  readonly languageHint: string | null;
}

/** Find the times and probabilities of words that are known. */
export interface AlignJob {
  readonly type: 'align';
  readonly modelId: string;
  readonly pcm: Float32Array;
  readonly speech: Float32Array | null;
  /** In the order in which they are spoken; none empty. */
  readonly words: readonly string[];
  /** ISO-639-1; null: the model's own, or found out. */
  readonly language: string | null;
}

export type EngineJob = DetectJob | RecogniseJob | AlignJob;

export interface DetectResult {
  readonly speech: Float32Array;
  readonly state: VadState;
}

export interface HeardWord {
  /** As written, without outer space. */
  readonly text: string;
  /** Follows the word before it without a space, as words do in Chinese and Japanese. */
  readonly glued: boolean;
  /** null when times were not asked for. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly tokens: readonly HeardToken[];
  /** Calibrated probability in 0..1 that the word is right; null when there is nothing to tell it from. */
  readonly confidence: number | null;
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
  /** ISO-639-1 of what is spoken: as asked for, else as identified; null when nobody speaks. */
  readonly language: string | null;
  /** How sure the identification is, 0..1; null when nothing was identified. */
  readonly languageProbability: number | null;
  /** Artifact ids of the models that listened, the one that wrote the text first. */
  readonly heardBy: readonly string[];
}

/** The result for sound in which nobody speaks. */
export const nothingHeard: RecogniseResult = {
  words: [],
  speechMs: 0,
  speechSpan: null,
  speechProbability: 0,
  unheard: false,
  language: null,
  languageProbability: null,
  heardBy: [],
};

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
  /** The job is there and taken up: if the process dies from now on, it may be of this job. */
  | { readonly type: 'begun'; readonly id: number }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly result: EngineResults[keyof EngineResults];
      /** Resident memory after the job, in bytes, without what the loaded models may take. */
      readonly growthBytes: number;
    }
  | { readonly type: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
