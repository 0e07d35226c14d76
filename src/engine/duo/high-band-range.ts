const RATE = 16_000;
/** A telephone passes nothing from 3.4 kHz on, its 8 kHz of samples nothing from 4 on; filters need some room. */
const ABOVE_HZ = 4_200;
const TAPS = 63;
/** 20 ms: short enough for a hiss of speech ("s", "f") to stand out. */
const FRAME_SAMPLES = 320;

const highPass = windowedHighPass();

/**
 * By how much the loud frames of the band above the telephone's stand out of the quiet ones there, in decibels; 0 for sound
 * of less than a frame. Speech that was recorded as it was spoken has its "s" and "f" there: more than 23 dB in nineteen of
 * twenty utterances, 22 in the middle of those that came through a telephone, 13 in noise (2026-11-21).
 */
export function highBandRangeDb(pcm: Float32Array): number {
  const energies: number[] = [];
  for (let from = TAPS; from + FRAME_SAMPLES <= pcm.length; from += FRAME_SAMPLES) {
    let energy = 0;
    // Every fourth sample of the filtered sound: its energy needs no more.
    for (let end = from; end < from + FRAME_SAMPLES; end += 4) {
      let value = 0;
      for (let tap = 0; tap < TAPS; tap++) value += highPass[tap]! * pcm[end - TAPS + tap]!;
      energy += value * value;
    }
    energies.push(energy / (FRAME_SAMPLES / 4));
  }
  energies.sort((left, right) => left - right);
  const at = (share: number) => Math.max(1e-10, energies[Math.floor(share * (energies.length - 1))] ?? 0);
  return 10 * Math.log10(at(0.95) / at(0.2));
}

/** A delta less a low-pass, Blackman's window: 70 dB down 700 Hz below the band. */
function windowedHighPass(): Float64Array {
  const middle = (TAPS - 1) / 2;
  const cut = (ABOVE_HZ + 350) / RATE;
  return Float64Array.from({ length: TAPS }, (_, tap) => {
    const place = tap - middle;
    const turn = (2 * Math.PI * tap) / (TAPS - 1);
    const window = 0.42 - 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
    const low = place === 0 ? 2 * cut : Math.sin(2 * Math.PI * cut * place) / (Math.PI * place);
    return (place === 0 ? 1 : 0) - low * window;
  });
}
