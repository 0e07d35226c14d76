import { PCM_RATE } from './audio.ts';

/** Bytes of one second of the sound that `Audio.pcm` yields, as 16-bit mono WAV. */
export const WAV_BYTES_PER_SECOND = PCM_RATE * 2;
export const WAV_HEADER_BYTES = 44;

/** The header of a 16-bit mono WAV file at `PCM_RATE` with so many bytes of samples behind it (even, below 4 GiB). */
export function wavHeader(dataBytes: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(dataBytes + WAV_HEADER_BYTES - 8, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(PCM_RATE, 24);
  header.writeUInt32LE(WAV_BYTES_PER_SECOND, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/** Samples in -1..1 as 16-bit little-endian bytes; louder ones are clipped. */
export function toWavSamples(samples: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(samples.length * 2);
  for (let index = 0; index < samples.length; index++) {
    const value = Math.round(Math.max(-1, Math.min(1, samples[index]!)) * 32_767);
    bytes[index * 2] = value & 0xff;
    bytes[index * 2 + 1] = (value >> 8) & 0xff;
  }
  return bytes;
}

/** The samples that `toWavSamples` wrote, to within its rounding; an odd last byte is left out. */
export function fromWavSamples(bytes: Buffer): Float32Array {
  const samples = new Float32Array(bytes.length >> 1);
  for (let index = 0; index < samples.length; index++) samples[index] = bytes.readInt16LE(index * 2) / 32_767;
  return samples;
}
