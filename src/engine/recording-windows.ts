import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import { VAD_FRAME_SAMPLES, type VadState } from './vad/silero-vad.ts';
import { windowRules } from './windows/speech-regions.ts';
import { type PlannedWindow, WindowPlanner } from './windows/window-planner.ts';

/** Sound that goes to the VAD in one job: long enough that the wire costs nothing, short enough to start early. */
const DETECT_SAMPLES = VAD_FRAME_SAMPLES * 320;

export interface CutWindow {
  readonly window: PlannedWindow;
  readonly pcm: Float32Array;
  readonly speech: Float32Array;
}

/**
 * Decoded sound through the VAD and the planner: the windows of a recording, each with its sound. Keeps no more than one
 * window of sound; the same sound always gives the same windows. `owner` is whose turn the VAD jobs take in the pool.
 */
export async function* windowsOf(
  pool: EnginePool,
  owner: object,
  chunks: AsyncIterable<Float32Array>,
  signal: AbortSignal,
): AsyncGenerator<CutWindow> {
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
    const found = await pool.run(owner, { type: 'detect', pcm, state }, signal);
    state = found.state;
    probabilities.append(found.speech);
    for (const probability of found.speech) yield* planner.push(probability).map(cut);
    sound.forgetBefore(planner.keepFromFrame * VAD_FRAME_SAMPLES);
    probabilities.forgetBefore(planner.keepFromFrame);
  }
  for await (const chunk of chunks) {
    sound.append(chunk);
    while (sound.end - detected >= DETECT_SAMPLES) yield* detect(detected + DETECT_SAMPLES);
  }
  if (sound.end > detected) yield* detect(sound.end);
  yield* planner.finish().map(cut);
}
