import { open } from 'node:fs/promises';
import { type Audio, PCM_RATE } from './audio.ts';
import { abortError } from './decode-task.ts';
import { fromWavSamples, WAV_HEADER_BYTES } from './wav-bytes.ts';

/** Four seconds, as the decoders give them. */
const chunkBytes = 4 * PCM_RATE * 2;

/**
 * A WAV file that we wrote ourselves (`wavHeader`, `toWavSamples`) as a recording. It is read here and not in a decoding
 * process: its bytes are nobody's but ours.
 */
export function wavFileAudio(path: string, sampleCount: number): Audio {
  const durationMs = Math.round((sampleCount * 1000) / PCM_RATE);
  return {
    stored: { path, sizeBytes: WAV_HEADER_BYTES + sampleCount * 2 },
    probe: {
      container: 'wav',
      codec: 'pcm',
      sampleRate: PCM_RATE,
      channels: 1,
      durationMs,
      headerDurationMs: durationMs,
      canonicalFileName: 'audio.wav',
      mediaType: 'audio/wav',
    },
    async *pcm(signal) {
      const handle = await open(path, 'r');
      try {
        for (let at = WAV_HEADER_BYTES; at < WAV_HEADER_BYTES + sampleCount * 2; ) {
          if (signal.aborted) throw abortError(signal);
          const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, at);
          if (bytesRead === 0) return;
          at += bytesRead;
          yield fromWavSamples(buffer.subarray(0, bytesRead));
        }
      } finally {
        await handle.close();
      }
    },
  };
}
