import { type Audio, PCM_RATE } from '../audio/audio.ts';

/** A recording that notes how long it was when somebody heard all of it. */
export interface MeasuredAudio extends Audio {
  /** In milliseconds; null: nobody has decoded it to its end. */
  decodedMs(): number | null;
}

export function measuredAudio(audio: Audio): MeasuredAudio {
  let decodedMs: number | null = null;
  return {
    stored: audio.stored,
    probe: audio.probe,
    decodedMs: () => decodedMs,
    async *pcm(signal) {
      let samples = 0;
      for await (const chunk of audio.pcm(signal)) {
        samples += chunk.length;
        yield chunk;
      }
      decodedMs = Math.round((samples * 1000) / PCM_RATE);
    },
  };
}
