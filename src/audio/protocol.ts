import type { ErrorCode } from '../core/errors.ts';
import type { AudioProbe, StoredAudio } from './audio.ts';
import type { RecordingPlan } from './recording.ts';

/** What the server says to a decoding process. A process has one task at a time; `task` tells late answers apart. */
export type ToDecodeWorker =
  | {
      readonly type: 'open';
      readonly task: number;
      readonly stored: StoredAudio;
      readonly maxDurationMs: number;
      /** Recordings up to this long are decoded at once and come with the answer. */
      readonly inlineMaxMs: number;
      readonly ceilings: DecodeCeilings;
    }
  | {
      readonly type: 'decode';
      readonly task: number;
      readonly stored: StoredAudio;
      readonly plan: RecordingPlan;
      /** Output samples that the consumer has already. */
      readonly fromSample: number;
      /** Chunks that may be sent before more credit comes. */
      readonly credit: number;
      readonly ceilings: DecodeCeilings;
    }
  | { readonly type: 'credit'; readonly task: number; readonly chunks: number }
  | { readonly type: 'cancel'; readonly task: number };

/** What the process holds itself to; the server watches from outside as well, with more patience. */
export interface DecodeCeilings {
  /** Processor time to walk the packets, in milliseconds. */
  readonly walkCpuMs: number;
  /** Processor time to decode: this much, and `decodeCpuShare` of the recording's length on top. */
  readonly decodeCpuFloorMs: number;
  readonly decodeCpuShare: number;
  readonly rssBytes: number;
}

/** What a decoding process says. `opened`, `end`, `failed` and `cancelled` close the task. */
export type FromDecodeWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'opened';
      readonly task: number;
      readonly probe: AudioProbe;
      readonly plan: RecordingPlan;
      readonly pcm: Float32Array | null;
      readonly rssBytes: number;
    }
  | { readonly type: 'chunk'; readonly task: number; readonly samples: Float32Array }
  | { readonly type: 'end'; readonly task: number; readonly rssBytes: number }
  | {
      readonly type: 'failed';
      readonly task: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly rssBytes: number;
    }
  | { readonly type: 'cancelled'; readonly task: number; readonly rssBytes: number };
