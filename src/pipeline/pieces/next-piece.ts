import type { SpeechSpan } from '../../audio/audio.ts';

/** Where the next piece of a recording lies, in milliseconds from the recording's start. */
export interface PlannedPiece {
  readonly startMs: number;
  /** The latest possible end; never more than the ceiling after `startMs`. */
  readonly endMs: number;
  /**
   * null: it ends exactly at `endMs`, where nobody speaks. Otherwise somebody speaks all the way: it is to be cut at the
   * quietest place from here to `endMs`.
   */
  readonly quietFromMs: number | null;
}

/** Kept before and after the speech of a piece: detectors find beginnings late, and models hear badly from a cold start. */
const longestPaddingMs = 1_000;
/** With ceilings of a few seconds, padding must not take the room of the speech. */
const paddingShare = 0.1;
/** A pause below this may be a stop consonant or a detector's doubt; it is no better than the quietest place. */
const shortestPauseMs = 200;
/** Words follow one another within a second or two, so a longer look for a quiet place finds nothing better. */
const longestQuietSearchMs = 15_000;

/**
 * Plans the next piece of a recording of which everything before `fromMs` is done. Pure.
 *
 * A piece begins shortly before the next speech, so silence between pieces belongs to none of them, and takes as much as
 * `maxPieceMs` allows. It ends in the middle of the longest pause in its last third, else in its last two thirds, else
 * (somebody speaks without a breath) at the quietest place near its end. Pieces never overlap: a word that two pieces
 * share could only be told from one said twice where the vendor gives word times.
 *
 * `speech` is in time order without overlap. null: nobody speaks any more.
 */
export function nextPiece(
  speech: readonly SpeechSpan[],
  fromMs: number,
  durationMs: number,
  maxPieceMs: number,
): PlannedPiece | null {
  // Detectors count in frames: the last one may reach over the end.
  const rest = speech.filter((span) => Math.min(span.endMs, durationMs) > fromMs && span.startMs < durationMs);
  const [first] = rest;
  const last = rest.at(-1);
  if (!first || !last) return null;
  const paddingMs = Math.min(longestPaddingMs, Math.floor(maxPieceMs * paddingShare));
  const startMs = Math.max(fromMs, Math.floor(first.startMs) - paddingMs);
  const speechMs = Math.ceil(Math.min(last.endMs, durationMs)) - startMs;
  if (speechMs <= maxPieceMs) {
    const endMs = Math.min(durationMs, startMs + Math.min(maxPieceMs, speechMs + paddingMs));
    return { startMs, endMs: Math.floor(endMs), quietFromMs: null };
  }
  // What is left behind a last full piece would often be a scrap too short to be understood: then both share.
  const longestMs = Math.min(maxPieceMs, (speechMs * 2) / 3);
  const latestMs = Math.floor(startMs + longestMs);
  for (const share of [2 / 3, 1 / 3]) {
    const pause = longestPause(rest, startMs + longestMs * share, latestMs);
    if (pause) return { startMs, endMs: endIn(pause, paddingMs), quietFromMs: null };
  }
  const searchMs = Math.min(longestQuietSearchMs, longestMs / 3);
  return { startMs, endMs: latestMs, quietFromMs: Math.ceil(latestMs - searchMs) };
}

interface Pause {
  /** As much of it as lies in reach. */
  readonly startMs: number;
  readonly endMs: number;
  /** The end of the speech before it. */
  readonly speechEndMs: number;
}

/** The longest pause between spans, as far as it lies between two times; the later one of two equals. */
function longestPause(spans: readonly SpeechSpan[], fromMs: number, toMs: number): Pause | null {
  let best: Pause | null = null;
  for (const [index, span] of spans.entries()) {
    const next = spans[index + 1];
    if (!next) break;
    const startMs = Math.max(fromMs, span.endMs);
    const endMs = Math.min(toMs, next.startMs);
    if (endMs - startMs < shortestPauseMs) continue;
    if (!best || endMs - startMs >= best.endMs - best.startMs) best = { startMs, endMs, speechEndMs: span.endMs };
  }
  return best;
}

/** In the middle, but of a long pause only the padding is taken along. */
function endIn(pause: Pause, paddingMs: number): number {
  const middleMs = Math.floor((pause.startMs + pause.endMs) / 2);
  return Math.min(middleMs, Math.ceil(pause.speechEndMs) + paddingMs);
}
