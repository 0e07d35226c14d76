import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Audio, AudioProbe } from '../../src/audio/audio.ts';
import { PCM_RATE } from '../../src/audio/audio.ts';
import { samples16, wavFile } from './audio-files.ts';

/** A probed recording as the audio room would hand it over: silence in a WAV file on the disk. */
export interface MadeAudio {
  readonly audio: Audio;
  readonly bytes: Uint8Array;
  remove(): Promise<void>;
}

/** The stored file's name is one that no vendor may ever see. */
export const privateFileName = 'private-name-of-the-upload';

export async function makeAudio(durationMs = 2000, more: Partial<AudioProbe> = {}): Promise<MadeAudio> {
  const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-audio-'));
  const path = join(folder, privateFileName);
  const count = Math.round((durationMs / 1000) * PCM_RATE);
  const bytes = wavFile(
    { formatTag: 1, bits: 16 },
    samples16(count, PCM_RATE, () => 0),
  );
  await writeFile(path, bytes);
  const probe: AudioProbe = {
    container: 'wav',
    codec: 'pcm',
    sampleRate: PCM_RATE,
    channels: 1,
    durationMs,
    headerDurationMs: durationMs,
    canonicalFileName: 'audio.wav',
    mediaType: 'audio/wav',
    ...more,
  };
  return {
    audio: {
      stored: { path, sizeBytes: bytes.length },
      probe,
      async *pcm() {
        yield new Float32Array(count);
      },
    },
    bytes,
    remove: () => rm(folder, { recursive: true }),
  };
}
