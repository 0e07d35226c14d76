import { detectFrames } from './detect-frames.ts';
import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import { VAD_FRAME_SAMPLES } from './vad/silero-vad.ts';
import { windowRules } from './windows/speech-regions.ts';
import { type PlannedWindow, WindowPlanner } from './windows/window-planner.ts';

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
  const cut = (window: PlannedWindow): CutWindow => ({
    window,
    pcm: sound.slice(window.startFrame * VAD_FRAME_SAMPLES, window.endFrame * VAD_FRAME_SAMPLES),
    speech: probabilities.slice(window.startFrame, window.endFrame),
  });
  for await (const { pcm, speech } of detectFrames(pool, owner, chunks, signal)) {
    sound.append(pcm);
    probabilities.append(speech);
    for (const probability of speech) yield* planner.push(probability).map(cut);
    sound.forgetBefore(planner.keepFromFrame * VAD_FRAME_SAMPLES);
    probabilities.forgetBefore(planner.keepFromFrame);
  }
  yield* planner.finish().map(cut);
}
