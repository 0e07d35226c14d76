import type { RecogniseResult } from './protocol.ts';

export interface RecordingAsk {
  readonly modelId: string;
  /** Mono float32 at 16 kHz in chunks. */
  readonly pcm: AsyncIterable<Float32Array>;
  /** Length as probed; decides whether the recording is heard as one window. */
  readonly durationMs: number;
  readonly wantTimes: boolean;
  readonly signal: AbortSignal;
}

/** What was heard in one window; times inside are from the start of the recording. */
export interface HeardWindow extends RecogniseResult {
  readonly startMs: number;
  readonly endMs: number;
}
