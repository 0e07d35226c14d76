import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import { type HeardWord, nothingHeard, type RecogniseResult } from './protocol.ts';
import type { HeardWindow, RecordingAsk } from './recording-ask.ts';
import { windowsOf } from './recording-windows.ts';
import { VAD_FRAME_MS } from './vad/silero-vad.ts';
import { MAX_WINDOW_MS } from './windows/speech-regions.ts';

/** Windows of one recording that may wait or run beyond one per process: keeps every process busy, and memory bounded. */
export const SPARE_WINDOWS = 2;

/**
 * Hears a recording of any length. Up to 25 s it is one window, uncut; longer ones are cut at pauses as they are decoded,
 * windows run side by side in the pool, and results come out in order. Sound is read only as fast as windows are done.
 */
export async function* hearRecording(
  pool: EnginePool,
  ask: RecordingAsk,
  workers: number,
): AsyncGenerator<HeardWindow> {
  // One controller for all windows: when one fails or the reader leaves, the others are stopped too.
  const stop = new AbortController();
  const signal = AbortSignal.any([ask.signal, stop.signal]);
  try {
    if (ask.durationMs <= MAX_WINDOW_MS) yield await hearClip(pool, ask, signal);
    else yield* hearLong(pool, ask, signal, workers + SPARE_WINDOWS);
  } finally {
    stop.abort();
  }
}

async function hearClip(pool: EnginePool, ask: RecordingAsk, signal: AbortSignal): Promise<HeardWindow> {
  const sound = new PcmWindow();
  for await (const chunk of ask.pcm) sound.append(chunk);
  const pcm = sound.slice(0, sound.end);
  const endMs = pcm.length / 16;
  if (pcm.length === 0) return { ...nothingHeard, startMs: 0, endMs };
  return { ...(await pool.run(ask, jobOf(ask, pcm, null, null), signal)), startMs: 0, endMs };
}

async function* hearLong(
  pool: EnginePool,
  ask: RecordingAsk,
  signal: AbortSignal,
  windowsAtOnce: number,
): AsyncGenerator<HeardWindow> {
  const running: Promise<HeardWindow>[] = [];
  // The language that the first speech was found to be: cheap evidence for all windows after it.
  let languageHint: string | null = null;
  for await (const { window, pcm, speech } of windowsOf(pool, ask, ask.pcm, signal)) {
    const job = jobOf(ask, pcm, speech, languageHint);
    const startMs = window.startFrame * VAD_FRAME_MS;
    const heard = pool.run(ask, job, signal).then((result) => shifted(result, startMs, startMs + pcm.length / 16));
    // It is awaited in its turn; until then a failure must not count as unhandled.
    heard.catch(() => undefined);
    running.push(heard);
    if (ask.language === null && languageHint === null) languageHint = (await heard).language;
    const first = running.length >= windowsAtOnce ? running.shift() : undefined;
    if (first) yield await first;
  }
  for (const heard of running) yield await heard;
}

function jobOf(ask: RecordingAsk, pcm: Float32Array, speech: Float32Array | null, languageHint: string | null) {
  const { modelId, wantTimes, task, language } = ask;
  return { type: 'recognise', modelId, pcm, speech, wantTimes, task, language, languageHint } as const;
}

function shifted(result: RecogniseResult, startMs: number, endMs: number): HeardWindow {
  const span = result.speechSpan;
  const speechSpan = span && { startMs: span.startMs + startMs, endMs: span.endMs + startMs };
  return { ...result, words: shiftedWords(result.words, startMs), speechSpan, startMs, endMs };
}

/** The words of a window with times from the start of the recording. */
export function shiftedWords(words: readonly HeardWord[], byMs: number): HeardWord[] {
  return words.map((word) => ({
    ...word,
    startMs: word.startMs === null ? null : word.startMs + byMs,
    endMs: word.endMs === null ? null : word.endMs + byMs,
  }));
}
