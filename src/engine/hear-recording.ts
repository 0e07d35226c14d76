import type { HeardWindow, RecordingAsk } from './engine.ts';
import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import type { HeardWord, RecogniseResult } from './protocol.ts';
import { VAD_FRAME_MS, VAD_FRAME_SAMPLES, type VadState } from './vad/silero-vad.ts';
import { MAX_WINDOW_MS, windowRules } from './windows/speech-regions.ts';
import { type PlannedWindow, WindowPlanner } from './windows/window-planner.ts';

/** Sound that goes to the VAD in one job: long enough that the wire costs nothing, short enough to start early. */
const DETECT_SAMPLES = VAD_FRAME_SAMPLES * 320;

/** Windows of one recording that may wait or run beyond one per process: keeps every process busy, and memory bounded. */
const SPARE_WINDOWS = 2;

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
  if (pcm.length === 0) return { ...nothing, startMs: 0, endMs };
  const job = { type: 'recognise', modelId: ask.modelId, pcm, speech: null, wantTimes: ask.wantTimes } as const;
  return { ...(await pool.run(ask, job, signal)), startMs: 0, endMs };
}

async function* hearLong(
  pool: EnginePool,
  ask: RecordingAsk,
  signal: AbortSignal,
  windowsAtOnce: number,
): AsyncGenerator<HeardWindow> {
  const running: Promise<HeardWindow>[] = [];
  for await (const { window, pcm, speech } of windowsOf(pool, ask, signal)) {
    const job = { type: 'recognise', modelId: ask.modelId, pcm, speech, wantTimes: ask.wantTimes } as const;
    const startMs = window.startFrame * VAD_FRAME_MS;
    const heard = pool.run(ask, job, signal).then((result) => shifted(result, startMs, startMs + pcm.length / 16));
    // It is awaited in its turn; until then a failure must not count as unhandled.
    heard.catch(() => undefined);
    running.push(heard);
    const first = running.length >= windowsAtOnce ? running.shift() : undefined;
    if (first) yield await first;
  }
  for (const heard of running) yield await heard;
}

interface CutWindow {
  readonly window: PlannedWindow;
  readonly pcm: Float32Array;
  readonly speech: Float32Array;
}

/** Decoded sound through the VAD and the planner; keeps no more than one window of sound. */
async function* windowsOf(pool: EnginePool, ask: RecordingAsk, signal: AbortSignal): AsyncGenerator<CutWindow> {
  const planner = new WindowPlanner(windowRules);
  const sound = new PcmWindow();
  const probabilities = new PcmWindow();
  let state: VadState | null = null;
  let detected = 0;
  const cut = (window: PlannedWindow): CutWindow => ({
    window,
    pcm: sound.slice(window.startFrame * VAD_FRAME_SAMPLES, window.endFrame * VAD_FRAME_SAMPLES),
    speech: probabilities.slice(window.startFrame, window.endFrame),
  });
  async function* detect(to: number): AsyncGenerator<CutWindow> {
    const pcm = sound.slice(detected, to);
    detected = to;
    const found = await pool.run(ask, { type: 'detect', pcm, state }, signal);
    state = found.state;
    probabilities.append(found.speech);
    for (const probability of found.speech) yield* planner.push(probability).map(cut);
    sound.forgetBefore(planner.keepFromFrame * VAD_FRAME_SAMPLES);
    probabilities.forgetBefore(planner.keepFromFrame);
  }
  for await (const chunk of ask.pcm) {
    sound.append(chunk);
    while (sound.end - detected >= DETECT_SAMPLES) yield* detect(detected + DETECT_SAMPLES);
  }
  if (sound.end > detected) yield* detect(sound.end);
  yield* planner.finish().map(cut);
}

const nothing: RecogniseResult = {
  words: [],
  speechMs: 0,
  speechSpan: null,
  speechProbability: 0,
  unheard: false,
};

function shifted(result: RecogniseResult, startMs: number, endMs: number): HeardWindow {
  const words = result.words.map((word): HeardWord => {
    return {
      ...word,
      startMs: word.startMs === null ? null : word.startMs + startMs,
      endMs: word.endMs === null ? null : word.endMs + startMs,
    };
  });
  const span = result.speechSpan;
  const speechSpan = span && { startMs: span.startMs + startMs, endMs: span.endMs + startMs };
  return { ...result, words, speechSpan, startMs, endMs };
}
