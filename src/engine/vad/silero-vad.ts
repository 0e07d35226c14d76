import type * as ort from 'onnxruntime-node';
import { floats, floatTensor, int64Tensor, openSession } from '../onnx/session.ts';

/** Samples in one frame of the VAD at 16 kHz: 32 ms. */
export const VAD_FRAME_SAMPLES = 512;
export const VAD_FRAME_MS = 32;

/** Samples of the previous frame that Silero v5 wants in front of each frame. */
const CONTEXT_SAMPLES = 64;
const STATE_SIZE = 2 * 128;

/** What the detector remembers between two stretches of one recording; crosses process walls. */
export interface VadState {
  readonly hidden: Float32Array;
  readonly context: Float32Array;
}

/** Silero VAD v5 (MIT): the probability of speech in each 32 ms frame of mono sound at 16 kHz. */
export class SileroVad {
  readonly #session: ort.InferenceSession;
  readonly #rate = int64Tensor([16_000], []);

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  static async open(modelPath: string): Promise<SileroVad> {
    return new SileroVad(await openSession(modelPath, 1));
  }

  /**
   * One probability in 0..1 a frame; a last frame that is not full is filled with silence, so cut long recordings at
   * multiples of 512 samples. `state` is null at the start of a recording.
   */
  async probabilities(pcm: Float32Array, state: VadState | null): Promise<{ values: Float32Array; state: VadState }> {
    const frames = Math.ceil(pcm.length / VAD_FRAME_SAMPLES);
    const values = new Float32Array(frames);
    let hidden = state?.hidden ?? new Float32Array(STATE_SIZE);
    let context = state?.context ?? new Float32Array(CONTEXT_SAMPLES);
    for (let frame = 0; frame < frames; frame++) {
      const input = new Float32Array(CONTEXT_SAMPLES + VAD_FRAME_SAMPLES);
      input.set(context);
      input.set(pcm.subarray(frame * VAD_FRAME_SAMPLES, (frame + 1) * VAD_FRAME_SAMPLES), CONTEXT_SAMPLES);
      const output = await this.#session.run({
        input: floatTensor(input, [1, input.length]),
        state: floatTensor(hidden, [2, 1, 128]),
        sr: this.#rate,
      });
      values[frame] = floats(output.output)[0] ?? 0;
      hidden = floats(output.stateN);
      context = input.subarray(VAD_FRAME_SAMPLES);
    }
    return { values, state: { hidden, context: Float32Array.from(context) } };
  }
}
