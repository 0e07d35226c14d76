import { VAD_FRAME_MS } from '../vad/silero-vad.ts';
import type { SpeechRegion } from '../windows/window-planner.ts';

/** When a word begins by its model, from the start of the window. */
export interface RoughTime {
  readonly startMs: number;
  readonly lastTokenMs: number;
  /** null: the model does not say. */
  readonly endMs: number | null;
}

export interface WordTime {
  readonly startMs: number;
  readonly endMs: number;
}

/** No word is shorter, unless words crowd at the end of the window. */
const LEAST_WORD_MS = 20;
/** The shortest time that a token is given where only its start is known: one frame of SenseVoice. */
const LEAST_TOKEN_MS = 60;
/** Below this probability a frame at the end of a word is a pause; where the windows take speech to end. */
const PAUSE = 0.35;

/**
 * Word times out of token times: pulled into the nearest detected speech, each beginning no earlier than the one before
 * ends, all within 0 and `windowMs`. A word whose length the model does not say lasts until the next one or until speech
 * ends, whichever is first.
 */
export function placeWordTimes(
  words: readonly RoughTime[],
  regions: readonly SpeechRegion[],
  speech: Float32Array,
  windowMs: number,
): WordTime[] {
  let floorMs = 0;
  const times = words.map((word, index) => {
    const region = nearestRegion(regions, word.startMs, windowMs);
    const nextMs = words[index + 1]?.startMs ?? Number.POSITIVE_INFINITY;
    const latestMs = Math.max(region.startMs, region.endMs - LEAST_WORD_MS);
    const startMs = Math.max(floorMs, Math.min(latestMs, Math.max(region.startMs, word.startMs)));
    let endMs = Math.min(word.endMs ?? nextMs, nextMs, region.endMs);
    if (word.endMs === null) {
      const least = Math.max(startMs, word.lastTokenMs) + LEAST_TOKEN_MS;
      while (endMs - VAD_FRAME_MS >= least && (speech[Math.ceil(endMs / VAD_FRAME_MS) - 1] ?? 0) < PAUSE) {
        endMs -= VAD_FRAME_MS;
      }
    }
    endMs = Math.max(endMs, startMs + LEAST_WORD_MS);
    floorMs = endMs;
    return { startMs, endMs };
  });
  // Words that crowd at the end were pushed over it: back, from the last to the first.
  let limitMs = windowMs;
  for (let index = times.length - 1; index >= 0; index--) {
    const time = times[index]!;
    if (time.endMs <= limitMs) break;
    time.endMs = limitMs;
    time.startMs = Math.max(0, Math.min(time.startMs, limitMs - 1));
    limitMs = time.startMs;
  }
  return times;
}

function nearestRegion(regions: readonly SpeechRegion[], ms: number, windowMs: number): WordTime {
  let nearest: WordTime = { startMs: 0, endMs: windowMs };
  let least = Number.POSITIVE_INFINITY;
  for (const region of regions) {
    const startMs = region.startFrame * VAD_FRAME_MS;
    const endMs = Math.min(windowMs, region.endFrame * VAD_FRAME_MS);
    const distance = Math.max(0, startMs - ms, ms - endMs);
    if (distance >= least) continue;
    least = distance;
    nearest = { startMs, endMs };
  }
  return nearest;
}
