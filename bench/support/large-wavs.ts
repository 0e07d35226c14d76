import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { SeededRandom } from './seeded-random.ts';

const MEGABYTE = 1024 * 1024;

/** Steady noise, 16 kHz mono: all of it has to be looked at, none of it is speech. */
export function writeNoiseWav(path: string, sizeBytes: number): void {
  const random = new SeededRandom(1);
  const noise = Buffer.alloc(MEGABYTE);
  for (let at = 0; at < noise.length; at += 2) noise.writeInt16LE(random.between(-4096, 4095), at);
  writeWav(path, { sampleRate: 16_000, channels: 1, sizeBytes, content: noise });
}

/** A sentence over and over, with a second of silence after each, at 48 kHz in stereo: 192 kB for each second. */
export function writeSpeechWav(path: string, sizeBytes: number): void {
  const clip = readFileSync(new URL('../../examples/hello.wav', import.meta.url));
  const data = clip.indexOf('data', 0, 'latin1');
  const sound = clip.subarray(data + 8, data + 8 + clip.readUInt32LE(data + 4));
  // The clip is mu-law at 16 kHz: each sample is written three times in two channels.
  const copies = 6;
  const content = Buffer.alloc((sound.length + 16_000) * copies * 2);
  for (const [index, code] of sound.entries()) {
    const sample = fromMuLaw(code);
    for (let copy = 0; copy < copies; copy++) content.writeInt16LE(sample, (index * copies + copy) * 2);
  }
  writeWav(path, { sampleRate: 48_000, channels: 2, sizeBytes, content });
}

/** A 16-bit wav file of about this size, in which the content comes again and again. */
function writeWav(
  path: string,
  wav: { sampleRate: number; channels: number; sizeBytes: number; content: Buffer },
): void {
  const { sampleRate, channels, content } = wav;
  const frameBytes = 2 * channels;
  const header = Buffer.alloc(44);
  const dataBytes = Math.floor((wav.sizeBytes - header.length) / frameBytes) * frameBytes;
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * frameBytes, 28);
  header.writeUInt16LE(frameBytes, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  const file = openSync(path, 'w');
  writeSync(file, header);
  for (let written = 0; written < dataBytes; written += content.length) {
    writeSync(file, content, 0, Math.min(content.length, dataBytes - written));
  }
  closeSync(file);
}

/** ITU-T G.711. */
function fromMuLaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 0x07);
  return bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}
