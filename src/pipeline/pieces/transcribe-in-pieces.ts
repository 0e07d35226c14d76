import type { SpeechFinder } from '../../audio/audio.ts';
import { SoundCutter } from '../../audio/sound-cutter.ts';
import type { TempFolder } from '../../audio/temp-folder.ts';
import { WAV_BYTES_PER_SECOND, WAV_HEADER_BYTES } from '../../audio/wav-bytes.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ProviderAsk } from '../../providers/contract.ts';
import type { InPieces } from '../../routing/attempts-parts.ts';
import type { PieceLimits } from '../../routing/plan.ts';
import { PiecesRun } from './pieces-run.ts';
import { SpeechAhead } from './speech-ahead.ts';

export interface TranscribeInPiecesParts {
  readonly speechFinder: SpeechFinder;
  /** Where pieces lie while they are sent; asked for with the first recording that needs one. */
  readonly tempFolder: () => Promise<TempFolder>;
  /** Pieces are never longer, whatever a vendor takes: long uploads stall, and a failure costs as much again. */
  readonly maxPieceMs: number;
}

/** Form fields and part headers count towards vendors' ceilings on the request; they are well below this, prompt aside. */
const formBytes = 8 * 1024;
/** Below it a piece may be shorter than a word. */
const shortestCeilingMs = 1_000;

/**
 * Sends a recording in pieces and puts their answers together. Finished segments are told in time order as soon as all
 * before them are known.
 *
 * Pieces end in pauses, so no model hears half a word. Nothing is sent of stretches in which nobody speaks. Every piece
 * carries the caller's own language and prompt and nothing of its neighbours: they run side by side, and languages may
 * change on the way.
 */
export function createTranscribeInPieces(parts: TranscribeInPiecesParts): InPieces {
  return async (callOnce, limits, ask, call, options = {}) => {
    const maxPieceMs = longestPieceMs(limits, ask, parts.maxPieceMs);
    const folder = await parts.tempFolder();
    const stop = new AbortController();
    const signal = AbortSignal.any([call.signal, stop.signal]);
    const speech = new SpeechAhead(parts.speechFinder, ask.audio, signal, call.log);
    const cutter = new SoundCutter(ask.audio, folder, signal);
    const run = new PiecesRun({
      callOnce,
      cutter,
      speech,
      maxPieceMs,
      maxParallelCalls: Math.max(1, limits.maxParallelCalls),
      keepGoing: options.keepGoing ?? (() => false),
      ask,
      call: { ...call, signal },
      stop,
    });
    try {
      return await run.finish();
    } finally {
      stop.abort();
      await Promise.all([speech.close(), cutter.close()]);
    }
  };
}

function longestPieceMs(
  { maxDurationMs, maxUploadBytes }: PieceLimits,
  { prompt }: ProviderAsk,
  ownMs: number,
): number {
  const soundBytes =
    (maxUploadBytes ?? Number.POSITIVE_INFINITY) - WAV_HEADER_BYTES - formBytes - Buffer.byteLength(prompt ?? '');
  const bySizeMs = Math.floor((soundBytes * 1000) / WAV_BYTES_PER_SECOND);
  const longestMs = Math.floor(Math.min(ownMs, maxDurationMs ?? Number.POSITIVE_INFINITY, bySizeMs));
  if (longestMs < shortestCeilingMs) {
    throw new GatewayError('server_error', 'The ceilings of the model leave no room for a second of sound.');
  }
  return longestMs;
}
