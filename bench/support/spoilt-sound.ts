import { SeededRandom } from './seeded-random.ts';

/** Clean speech made worse by rule, for training: the same seed gives the same sound. Mono float at 16 kHz throughout. */

const RATE = 16_000;

/** Sound in several chunks as one. */
export function joined(chunks: readonly Float32Array[]): Float32Array {
  const pcm = new Float32Array(chunks.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    pcm.set(chunk, at);
    at += chunk.length;
  }
  return pcm;
}

/**
 * Noise 3 to 10 dB below the speech: white, or dark as in a car (one pole at 200 to 1,000 Hz), steady or swelling every
 * few seconds as a street does.
 */
export function noisy(pcm: Float32Array, seed: number): Float32Array {
  const random = new SeededRandom(seed);
  const ratioDb = 3 + (random.below(1000) / 1000) * 7;
  const dark = random.chance(0.6);
  const swelling = random.chance(0.4);
  const cut = 1 - Math.exp((-2 * Math.PI * random.between(200, 1_000)) / RATE);
  const periodS = random.between(2, 5);
  const noise = new Float32Array(pcm.length);
  let held = 0;
  for (let index = 0; index < noise.length; index++) {
    const white = gaussian(random);
    held += cut * (white - held);
    const swell = swelling ? 0.55 + 0.45 * Math.sin((2 * Math.PI * index) / (periodS * RATE)) : 1;
    noise[index] = (dark ? held : white) * swell;
  }
  const gain = (loudness(pcm) / loudness(noise)) * 10 ** (-ratioDb / 20);
  return pcm.map((value, index) => Math.max(-1, Math.min(1, value + gain * noise[index]!)));
}

/** 300 to 3,400 Hz at 8,000 samples a second in 8-bit mu-law, with a hiss 25 to 35 dB below the speech. */
export function telephone(pcm: Float32Array, seed: number): Float32Array {
  const random = new SeededRandom(seed);
  const hiss = loudness(pcm) * 10 ** (-(25 + random.below(10)) / 20);
  const band = filtered(filtered(pcm, bandPass(63)), bandPass(63));
  const call = new Float32Array(pcm.length);
  // Every second sample through the code, the one between from its neighbours: the band has nothing above 3,400 Hz.
  for (let index = 0; index < call.length; index += 2)
    call[index] = muLaw((band[index] ?? 0) + hiss * gaussian(random));
  for (let index = 1; index < call.length; index += 2) {
    call[index] =
      0.5625 * ((call[index - 1] ?? 0) + (call[index + 1] ?? 0)) -
      0.0625 * ((call[index - 3] ?? 0) + (call[index + 3] ?? 0));
  }
  return call;
}

function loudness(pcm: Float32Array): number {
  return Math.sqrt(pcm.reduce((sum, value) => sum + value * value, 0) / Math.max(1, pcm.length)) || 1e-6;
}

function gaussian(random: SeededRandom): number {
  const first = (random.below(2 ** 24) + 1) / 2 ** 24;
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * (random.below(2 ** 24) / 2 ** 24));
}

/** Taps of a windowed ideal band-pass of 300 to 3,400 Hz. */
function bandPass(taps: number): Float32Array {
  const middle = (taps - 1) / 2;
  const lowPass = (frequency: number, offset: number) =>
    offset === 0 ? (2 * frequency) / RATE : Math.sin((2 * Math.PI * frequency * offset) / RATE) / (Math.PI * offset);
  return Float32Array.from({ length: taps }, (_, index) => {
    const offset = index - middle;
    const window = 0.54 + 0.46 * Math.cos((Math.PI * offset) / middle);
    return window * (lowPass(3_400, offset) - lowPass(300, offset));
  });
}

function filtered(pcm: Float32Array, taps: Float32Array): Float32Array {
  const middle = (taps.length - 1) / 2;
  return pcm.map((_, index) => {
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap++) sum += taps[tap]! * (pcm[index + tap - middle] ?? 0);
    return sum;
  });
}

function muLaw(value: number): number {
  const coded = Math.round(127 * (Math.log1p(255 * Math.min(1, Math.abs(value))) / Math.log(256)));
  return (Math.sign(value) * (256 ** (coded / 127) - 1)) / 255;
}
