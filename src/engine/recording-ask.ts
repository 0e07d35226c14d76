import type { RecogniseResult } from './protocol.ts';
import type { SpeechTask } from './speech-model.ts';

export interface RecordingAsk {
  /** Id of a loaded model or duo. */
  readonly modelId: string;
  /** Mono float32 at 16 kHz in chunks. */
  readonly pcm: AsyncIterable<Float32Array>;
  /** Length as probed; decides whether the recording is heard as one window. */
  readonly durationMs: number;
  readonly wantTimes: boolean;
  readonly task: SpeechTask;
  /** ISO-639-1; null: find out from the first speech, and again in each window. */
  readonly language: string | null;
  readonly signal: AbortSignal;
}

/** What was heard in one window; times inside are from the start of the recording. */
export interface HeardWindow extends RecogniseResult {
  readonly startMs: number;
  readonly endMs: number;
}
