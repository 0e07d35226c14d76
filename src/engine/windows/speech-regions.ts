import { VAD_FRAME_MS } from '../vad/silero-vad.ts';
import type { SpeechRegion, WindowRules } from './window-planner.ts';

/**
 * How windows are cut, for models that hear up to 25 s at once. Measured on 2026-11-21 on the two long test files
 * (WER 8.3 and 4.5 %; windows up to 15 s: 8.4 and 4.7 %; closing at the first pause after 5 s: 8.6 and 4.5 %) with whole
 * clips up to 25 s left uncut (cutting them at pauses costs 1.4 to 2.2 points on read English).
 */
export const MAX_WINDOW_MS = 25_000;

export const windowRules: WindowRules = {
  maxFrames: Math.floor(MAX_WINDOW_MS / VAD_FRAME_MS),
  goodFrames: Math.floor(12_000 / VAD_FRAME_MS),
  maxGapFrames: Math.floor(800 / VAD_FRAME_MS),
  padFrames: Math.floor(300 / VAD_FRAME_MS),
  // The detector's first frames can be high on plain noise; five of them were the longest such run seen.
  minSpeechFrames: 6,
  onset: 0.5,
  offset: 0.35,
  hangFrames: Math.floor(500 / VAD_FRAME_MS),
};

/** Stretches of speech in the probabilities of one window; shorter ones than `minSpeechFrames` are left out. */
export function speechRegions(speech: Float32Array, rules: WindowRules = windowRules): SpeechRegion[] {
  const regions: SpeechRegion[] = [];
  let startFrame = -1;
  let lastVoiced = -1;
  const close = () => {
    if (startFrame >= 0 && lastVoiced + 1 - startFrame >= rules.minSpeechFrames) {
      regions.push({ startFrame, endFrame: lastVoiced + 1 });
    }
    startFrame = -1;
  };
  for (let frame = 0; frame < speech.length; frame++) {
    const probability = speech[frame]!;
    if (startFrame < 0 ? probability >= rules.onset : probability >= rules.offset) {
      if (startFrame < 0) startFrame = frame;
      lastVoiced = frame;
    } else if (startFrame >= 0 && frame - lastVoiced >= rules.hangFrames) {
      close();
    }
  }
  close();
  return regions;
}
