import { GatewayError } from '../../src/core/errors.ts';
import type { TranscribeAsk, TranscribeFile, TranscribeOutcome } from '../../src/pipeline/transcribe-file.ts';
import { storedBytes } from '../../src/providers/support/stored-bytes.ts';
import type { Transcript, TranscriptEvent } from '../../src/transcript/transcript.ts';
import { twoTickets } from './transcripts.ts';

/** One call's behaviour: gets what the door asked for, may send events, ends well or badly. */
export type Step = (
  ask: TranscribeAsk,
  signal: AbortSignal,
  onEvent: (event: TranscriptEvent) => void,
) => Promise<TranscribeOutcome> | TranscribeOutcome;

export interface Call {
  readonly ask: TranscribeAsk;
  /** The upload's bytes as they were stored. */
  readonly bytes: Buffer;
  readonly signal: AbortSignal;
}

/** A pipeline that plays a script: the steps in order, the last one for all further calls. It notes its calls. */
export interface ScriptedTranscribe {
  readonly transcribe: TranscribeFile;
  readonly calls: Call[];
  play(...steps: Step[]): void;
}

export function scriptedTranscribe(): ScriptedTranscribe {
  const calls: Call[] = [];
  let script: Step[] = [() => outcomeOf(twoTickets)];
  return {
    calls,
    play(...steps) {
      script = steps;
    },
    async transcribe(ask, signal, onEvent) {
      const pieces: Uint8Array[] = [];
      for await (const piece of storedBytes(ask.stored)) pieces.push(piece);
      calls.push({ ask, bytes: Buffer.concat(pieces), signal });
      const step = script.length > 1 ? script.shift()! : script[0]!;
      return step(ask, signal, onEvent ?? (() => {}));
    },
  };
}

export function outcomeOf(transcript: Transcript, more: Partial<TranscribeOutcome> = {}): TranscribeOutcome {
  return {
    transcript,
    usage: { type: 'duration', durationMs: transcript.durationMs },
    probe: {
      container: 'wav',
      codec: 'pcm',
      sampleRate: 16_000,
      channels: 1,
      durationMs: transcript.durationMs,
      headerDurationMs: null,
      canonicalFileName: 'audio.wav',
      mediaType: 'audio/wav',
    },
    routedModel: 'local/moonshine-tiny',
    billedMs: Math.max(10_000, transcript.durationMs),
    costNanos: 16_666_667n,
    attempts: [
      {
        modelId: 'local/moonshine-tiny',
        providerId: 'local',
        kind: 'first',
        outcome: 'ok',
        calls: 1,
        answered: true,
        latencyMs: 12,
      },
    ],
    unmet: [],
    ...more,
  };
}

/** Sends every segment of the transcript as an event, then ends with it. */
export function inSegments(transcript: Transcript): Step {
  return (_ask, _signal, onEvent) => {
    for (const segment of transcript.segments) onEvent({ type: 'segment-final', segment, words: null, tokens: null });
    return outcomeOf(transcript);
  };
}

/** Works until the caller leaves. */
export const untilHangUp: Step = (_ask, signal) =>
  new Promise((_resolve, reject) => {
    const leave = () => reject(new GatewayError('client_closed_request', 'The caller hung up.'));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
