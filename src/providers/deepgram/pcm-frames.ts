import { PCM_RATE } from '../../audio/audio.ts';

/** Deepgram advises Flux to be fed in pieces of 80 ms. */
const frameSamples = (PCM_RATE * 80) / 1000;

export interface PcmFrame {
  /** Little-endian signed 16-bit samples, mono, 16 kHz; the last frame may be shorter than 80 ms. */
  readonly bytes: Uint8Array;
  /** Where the frame ends, in milliseconds from the start of the recording. */
  readonly untilMs: number;
}

/** Decoded sound as frames of `linear16`. Holds one chunk of the decoder and one frame. */
export async function* pcmFrames(chunks: AsyncIterable<Float32Array>): AsyncGenerator<PcmFrame> {
  let frame = Buffer.alloc(frameSamples * 2);
  let filled = 0;
  let samples = 0;
  for await (const chunk of chunks) {
    for (const sample of chunk) {
      frame.writeInt16LE(toInt16(sample), filled * 2);
      filled++;
      if (filled < frameSamples) continue;
      samples += filled;
      yield { bytes: frame, untilMs: (samples * 1000) / PCM_RATE };
      // A new one: the socket may still hold the last.
      frame = Buffer.alloc(frameSamples * 2);
      filled = 0;
    }
  }
  if (filled === 0) return;
  samples += filled;
  yield { bytes: frame.subarray(0, filled * 2), untilMs: (samples * 1000) / PCM_RATE };
}

function toInt16(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767)));
}
