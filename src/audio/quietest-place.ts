import { PCM_RATE } from './audio.ts';

/** Long enough to average over the periods of the lowest voices, short enough to resolve a stop consonant. */
const frameSamples = (PCM_RATE * 10) / 1000;
/** A gap between two words is about so long; a single quiet frame may be the closure of a consonant within one. */
const gapFrames = 8;

/**
 * Where mono sound at `PCM_RATE` can be cut with the least harm: the middle of the quietest 80 ms, as a number of samples;
 * the latest of several equals. Sound too short for a choice is cut at its end.
 */
export function quietestPlace(samples: Float32Array): number {
  const frameCount = Math.floor(samples.length / frameSamples);
  if (frameCount < gapFrames) return samples.length;
  const energies = new Float64Array(frameCount);
  for (let frame = 0; frame < frameCount; frame++) {
    let energy = 0;
    for (let index = frame * frameSamples; index < (frame + 1) * frameSamples; index++) {
      energy += samples[index]! * samples[index]!;
    }
    energies[frame] = energy;
  }
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let frame = 0; frame + gapFrames <= frameCount; frame++) {
    let energy = 0;
    for (let inner = 0; inner < gapFrames; inner++) energy += energies[frame + inner]!;
    if (energy > least) continue;
    least = energy;
    best = frame;
  }
  return (best + gapFrames / 2) * frameSamples;
}
