import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A recording made by us: 1.2 s of silence with 440 Hz from 0.5 to 0.7 s and 1.5 kHz from 0.9 to 1.0 s. */
export interface MadeRecording {
  readonly file: string;
  readonly container: string;
  readonly codec: string;
  readonly channels: number;
  readonly durationMs: number;
  readonly headerDurationMs: number | null;
  /** How late the bursts are, where the format cannot tell what its encoder put in front. */
  readonly lateMs: number;
}

const row = (
  file: string,
  container: string,
  codec: string,
  durationMs: number,
  headerDurationMs: number | null,
  more: { channels?: number; lateMs?: number } = {},
): MadeRecording => ({ file, container, codec, durationMs, headerDurationMs, channels: 1, lateMs: 0, ...more });

/** How they were made stands in test/fixtures/audio/README.md. */
export const madeRecordings: readonly MadeRecording[] = [
  row('made-aac.aac', 'adts', 'aac', 1280, null, { lateMs: 64 }),
  row('made-aac.m4a', 'mp4', 'aac', 1200, 1200),
  row('made-aac-fragmented.mp4', 'mp4', 'aac', 1231, null, { lateMs: 23 }),
  row('made-alac.m4a', 'mp4', 'alac', 1200, 1200),
  row('made-alaw.mov', 'mp4', 'alaw', 1200, 1200),
  row('made-eight-channels.m4a', 'mp4', 'aac', 1200, 1200, { channels: 8 }),
  row('made-film.webm', 'webm', 'opus', 1200, 1208),
  row('made-flac.flac', 'flac', 'flac', 1200, 1200),
  row('made-flac.mka', 'webm', 'flac', 1200, 1200),
  row('made-flac.ogg', 'ogg', 'flac', 1200, null),
  row('made-gapless.mp3', 'mp3', 'mp3', 1200, 1200),
  row('made-layer2.mp2', 'mp3', 'mp2', 1224, null, { lateMs: 30 }),
  row('made-mp3.mkv', 'webm', 'mp3', 1269, 1269, { lateMs: 69 }),
  row('made-mp3.wav', 'wav', 'mp3', 1296, null, { lateMs: 69 }),
  row('made-opus-live.webm', 'webm', 'opus', 1200, null),
  row('made-opus.mp4', 'mp4', 'opus', 1200, 1200),
  row('made-opus.ogg', 'ogg', 'opus', 1200, null),
  row('made-program-stream.mpeg', 'mpeg', 'mp2', 1224, null, { lateMs: 30 }),
  row('made-two-tracks.mka', 'webm', 'opus', 1200, 2008),
  row('made-vbr-bare.mp3', 'mp3', 'mp3', 1296, null, { lateMs: 69 }),
  row('made-vorbis.ogg', 'ogg', 'vorbis', 1200, null),
  row('made-vorbis.webm', 'webm', 'vorbis', 1216, 1232),
];

export function fixturePath(file: string): string {
  return fileURLToPath(new URL(`../fixtures/audio/${file}`, import.meta.url));
}

/** A copy to change at will: the `slice` of a Buffer would share its bytes. */
export function fixtureBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(file)));
}

export interface WavShape {
  readonly formatTag: number;
  readonly bits: number;
  readonly channels?: number;
  readonly sampleRate?: number;
  readonly bigEndian?: boolean;
  readonly extensible?: boolean;
  /** Overrides of the sizes in the header. */
  readonly dataSize?: number;
  readonly riffSize?: number;
}

/** A WAV file around the given sample bytes. */
export function wavFile(shape: WavShape, samples: Uint8Array): Uint8Array {
  const { formatTag, bits, channels = 1, sampleRate = 16_000, bigEndian = false, extensible = false } = shape;
  const little = !bigEndian;
  const formatBytes = extensible ? 40 : 16;
  const bytes = new Uint8Array(28 + formatBytes + samples.length);
  const view = new DataView(bytes.buffer);
  const text = (offset: number, value: string) => bytes.set(Buffer.from(value, 'latin1'), offset);
  text(0, bigEndian ? 'RIFX' : 'RIFF');
  view.setUint32(4, shape.riffSize ?? bytes.length - 8, little);
  text(8, 'WAVEfmt ');
  view.setUint32(16, formatBytes, little);
  view.setUint16(20, extensible ? 0xfffe : formatTag, little);
  view.setUint16(22, channels, little);
  view.setUint32(24, sampleRate, little);
  view.setUint32(28, (sampleRate * channels * bits) / 8, little);
  view.setUint16(32, (channels * bits) / 8, little);
  view.setUint16(34, bits, little);
  if (extensible) {
    view.setUint16(36, 22, little);
    view.setUint16(44, formatTag, little);
  }
  text(20 + formatBytes, 'data');
  view.setUint32(24 + formatBytes, shape.dataSize ?? samples.length, little);
  bytes.set(samples, 28 + formatBytes);
  return bytes;
}

/** Little-endian 16-bit samples of a function of time in seconds. */
export function samples16(count: number, rate: number, value: (seconds: number) => number): Uint8Array {
  const bytes = new Uint8Array(count * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) view.setInt16(index * 2, Math.round(value(index / rate) * 32_767), true);
  return bytes;
}

/** Where sound starts after silence, in milliseconds, looking at steps of 5 ms. */
export function burstStartsMs(pcm: Float32Array, threshold: number): number[] {
  const step = 80;
  const starts: number[] = [];
  let quietSteps = 10;
  for (let at = 0; at + step <= pcm.length; at += step) {
    let peak = 0;
    for (let index = at; index < at + step; index++) peak = Math.max(peak, Math.abs(pcm[index]!));
    if (peak > threshold) {
      if (quietSteps >= 10) starts.push(at / 16);
      quietSteps = 0;
    } else {
      quietSteps++;
    }
  }
  return starts;
}

/** A repeatable source of numbers below 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
