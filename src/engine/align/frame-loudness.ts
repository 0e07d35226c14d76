/** Loudness of each frame of `frameSamples` samples in dB relative to full scale, never below -100. */
export function frameLoudness(pcm: Float32Array, frameSamples: number, frames: number): Float32Array {
  const loudness = new Float32Array(frames).fill(-100);
  for (let frame = 0; frame < frames; frame++) {
    const from = frame * frameSamples;
    const to = Math.min(pcm.length, from + frameSamples);
    if (to <= from) break;
    let sum = 0;
    for (let index = from; index < to; index++) sum += pcm[index]! * pcm[index]!;
    loudness[frame] = 10 * Math.log10(sum / (to - from) + 1e-10);
  }
  return loudness;
}

/** The value below which the share `p` (0..1) of the values lies. */
export function percentile(values: Float32Array, p: number): number {
  if (values.length === 0) return 0;
  const sorted = Float32Array.from(values).sort();
  const place = p * (sorted.length - 1);
  const low = Math.floor(place);
  const rest = place - low;
  return sorted[low]! * (1 - rest) + (sorted[low + 1] ?? sorted[low]!) * rest;
}
