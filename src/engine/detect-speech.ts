import { detectFrames } from './detect-frames.ts';
import type { EnginePool } from './pool/engine-pool.ts';
import { VAD_FRAME_MS } from './vad/silero-vad.ts';
import { SpeechRegionFinder, windowRules } from './windows/speech-regions.ts';

export interface DetectionAsk {
  /** Mono float32 at 16 kHz in chunks; read only as fast as the detector is done with it. */
  readonly pcm: AsyncIterable<Float32Array>;
  readonly signal: AbortSignal;
}

/** A stretch in which somebody speaks, in milliseconds from the start of the recording. */
export interface DetectedSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Where somebody speaks in a recording of any length, by the rules that the recognisers' windows are cut by: pauses below
 * half a second do not part a span, speech below a fifth of a second standing alone is none. In time order, without
 * overlap, inside the sound. Holds ten seconds of sound at a time.
 */
export async function detectSpeech(pool: EnginePool, ask: DetectionAsk): Promise<DetectedSpan[]> {
  const finder = new SpeechRegionFinder(windowRules);
  let samples = 0;
  for await (const { pcm, speech } of detectFrames(pool, ask, ask.pcm, ask.signal)) {
    samples += pcm.length;
    for (const probability of speech) finder.push(probability);
  }
  const lengthMs = samples / 16;
  return finder.finish().map(({ startFrame, endFrame }) => ({
    startMs: startFrame * VAD_FRAME_MS,
    endMs: Math.round(Math.min(lengthMs, endFrame * VAD_FRAME_MS)),
  }));
}
