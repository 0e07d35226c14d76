import { PcmWindow } from './pcm-window.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import { VAD_FRAME_SAMPLES, type VadState } from './vad/silero-vad.ts';

/** Sound that goes to the VAD in one job: long enough that the wire costs nothing, short enough to start early. */
const DETECT_SAMPLES = VAD_FRAME_SAMPLES * 320;

/** The next stretch of a recording, 10.24 s unless it is the last. */
export interface DetectedStretch {
  readonly pcm: Float32Array;
  /** Speech probability of each 32 ms frame of `pcm`; a last frame that is not full counts as one. */
  readonly speech: Float32Array;
}

/**
 * A recording of any length through the VAD, stretch after stretch; holds one stretch of sound. `owner` is whose turn the
 * jobs take in the pool. Rejects with GatewayError.
 */
export async function* detectFrames(
  pool: EnginePool,
  owner: object,
  chunks: AsyncIterable<Float32Array>,
  signal: AbortSignal,
): AsyncGenerator<DetectedStretch> {
  const sound = new PcmWindow();
  let state: VadState | null = null;
  let detected = 0;
  const detect = async (to: number): Promise<DetectedStretch> => {
    const pcm = sound.slice(detected, to);
    detected = to;
    sound.forgetBefore(to);
    const found = await pool.run(owner, { type: 'detect', pcm, state }, signal);
    state = found.state;
    return { pcm, speech: found.speech };
  };
  for await (const chunk of chunks) {
    sound.append(chunk);
    while (sound.end - detected >= DETECT_SAMPLES) yield await detect(detected + DETECT_SAMPLES);
  }
  if (sound.end > detected) yield await detect(sound.end);
}
