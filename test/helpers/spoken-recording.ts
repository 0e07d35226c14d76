import { createAudioOpener } from '../../src/audio/opener.ts';
import { silentLog } from '../../src/core/log.ts';
import { wavFile } from './audio-files.ts';
import { speech } from './speech.ts';

/** A word that a vendor with perfect ears would hear, in milliseconds from the start of the recording. */
export interface SpokenWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** A recording made of real speech, with the truth about it. */
export interface SpokenRecording {
  /** 16-bit mono WAV at 16 kHz. */
  readonly wav: Uint8Array<ArrayBuffer>;
  readonly durationMs: number;
  readonly words: readonly SpokenWord[];
  readonly text: string;
  /**
   * Where a part of this recording begins, given the samples of the part as a 16-bit mono WAV file: no two places of it
   * sound alike. Throws when it is no part of it.
   */
  placeOf(partWav: Buffer): { readonly startMs: number; readonly endMs: number };
}

const rate = 16_000;
const headerBytes = 44;

/**
 * The clip of test/fixtures said `gapsMs.length` times, each time followed by that much silence. Words are not those of the
 * clip but numbered (`c2w5`), ten for each time it is said, spread evenly over it: enough to see what is lost, doubled or
 * out of place.
 */
export async function makeSpokenRecording(gapsMs: readonly number[], startMs = 500): Promise<SpokenRecording> {
  const clip = await clipSamples();
  const clipMs = clip.length / (rate / 1000);
  const words: SpokenWord[] = [];
  const durationMs = startMs + gapsMs.reduce((sum, gap) => sum + Math.floor(clipMs) + gap, 0);
  const samples = new Int16Array((durationMs * rate) / 1000);
  let atMs = startMs;
  for (const [index, gapMs] of gapsMs.entries()) {
    for (const [sample, value] of clip.subarray(0, Math.floor(clipMs) * 16).entries()) {
      samples[atMs * 16 + sample] = Math.round(value * 30_000);
    }
    for (let word = 0; word < 10; word++) {
      // The clip begins and ends with a little silence.
      const wordMs = Math.round(atMs + 300 + ((clipMs - 600) * word) / 10);
      words.push({ text: `c${index}w${word}`, startMs: wordMs, endMs: wordMs + Math.floor((clipMs - 600) / 10) });
    }
    atMs += Math.floor(clipMs) + gapMs;
  }
  // Quieter than any voice, and everywhere another.
  for (let index = 0, noise = 1; index < samples.length; index++) {
    noise = (Math.imul(noise, 1_103_515_245) + 12_345) & 0x7fffffff;
    samples[index] = samples[index]! + ((noise >> 16) % 17) - 8;
  }
  const wav = wavFile({ formatTag: 1, bits: 16 }, new Uint8Array(samples.buffer));
  return {
    wav: new Uint8Array(wav),
    durationMs,
    words,
    text: words.map((one) => one.text).join(' '),
    placeOf(partWav) {
      const count = (partWav.length - headerBytes) / 2;
      const at = findPart(samples, (index) => partWav.readInt16LE(headerBytes + index * 2), count);
      return { startMs: at / 16, endMs: (at + count) / 16 };
    },
  };
}

function findPart(samples: Int16Array, partAt: (index: number) => number, count: number): number {
  const probes = Array.from({ length: 64 }, (_, index) => Math.floor((index * (count - 1)) / 63));
  const values = probes.map(partAt);
  for (let at = 0; at + count <= samples.length; at++) {
    // Decoding and encoding round a sample by one.
    if (probes.every((probe, index) => Math.abs(samples[at + probe]! - values[index]!) <= 1)) return at;
  }
  throw new Error('The sound is no part of the recording.');
}

async function clipSamples(): Promise<Float32Array> {
  const opener = createAudioOpener({ workers: 1, maxOpenRequests: 1, log: silentLog });
  try {
    const signal = new AbortController().signal;
    const audio = await opener.open({ path: speech.path, sizeBytes: 0 }, { maxDurationMs: 60_000 }, signal);
    const parts: Float32Array[] = [];
    for await (const part of audio.pcm(signal)) parts.push(part);
    return Float32Array.from(parts.flatMap((part) => [...part]));
  } finally {
    await opener.close();
  }
}
