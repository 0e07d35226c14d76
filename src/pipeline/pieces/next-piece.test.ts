import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SpeechSpan } from '../../audio/audio.ts';
import { nextPiece, type PlannedPiece } from './next-piece.ts';

/** All pieces of a recording, where a cut inside speech falls at `share` of the stretch that may hold it. */
function planAll(speech: readonly SpeechSpan[], durationMs: number, maxPieceMs: number, share = 1): PlannedPiece[] {
  const pieces: PlannedPiece[] = [];
  for (let fromMs = 0; ; ) {
    const planned = nextPiece(speech, fromMs, durationMs, maxPieceMs);
    if (!planned) return pieces;
    const { startMs, endMs, quietFromMs } = planned;
    const cutMs = quietFromMs === null ? endMs : Math.round(quietFromMs + (endMs - quietFromMs) * share);
    assert.ok(cutMs > fromMs, 'every piece brings the plan forward');
    pieces.push({ startMs, endMs: cutMs, quietFromMs });
    fromMs = cutMs;
  }
}

const spansOf = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([startMs, endMs]): SpeechSpan => ({ startMs, endMs }));

/** Speech and pauses in turn, from a few milliseconds to minutes. */
const recording = fc
  .record({
    turns: fc.array(fc.tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 100, max: 90_000 })), {
      maxLength: 40,
    }),
    tailMs: fc.integer({ min: -31, max: 20_000 }),
  })
  .map(({ turns, tailMs }) => {
    let atMs = 0;
    const speech = turns.map(([pauseMs, speechMs]): SpeechSpan => {
      const startMs = atMs + Math.max(1, pauseMs);
      atMs = startMs + speechMs;
      return { startMs, endMs: atMs };
    });
    // A detector that counts in frames may reach over the end a little.
    return { speech, durationMs: Math.max(0, atMs + tailMs) };
  });

describe('nextPiece', () => {
  it('covers all speech with pieces in order, none above the ceiling and none over another', () => {
    fc.assert(
      fc.property(
        recording,
        fc.integer({ min: 1_000, max: 900_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ speech, durationMs }, maxPieceMs, share) => {
          const pieces = planAll(speech, durationMs, maxPieceMs, share);
          let endMs = 0;
          for (const piece of pieces) {
            assert.ok(Number.isInteger(piece.startMs) && Number.isInteger(piece.endMs));
            assert.ok(piece.startMs >= endMs, 'pieces overlap');
            assert.ok(piece.endMs - piece.startMs <= maxPieceMs, 'a piece is too long');
            assert.ok(piece.endMs <= durationMs, 'a piece ends after the recording');
            assert.ok(
              speech.some((span) => span.startMs < piece.endMs && span.endMs > piece.startMs),
              'a piece is nothing but silence',
            );
            // What lies between two pieces is silence.
            assert.ok(
              !speech.some((span) => Math.max(span.startMs, endMs) < Math.min(span.endMs, piece.startMs)),
              'speech is lost',
            );
            endMs = piece.endMs;
          }
          assert.ok(Math.min(durationMs, speech.at(-1)?.endMs ?? 0) <= endMs, 'the end is lost');
        },
      ),
      { numRuns: 400 },
    );
  });

  it('cuts in speech only where there is no pause in the last two thirds of what a piece may hold', () => {
    fc.assert(
      fc.property(recording, fc.integer({ min: 3_000, max: 200_000 }), ({ speech, durationMs }, maxPieceMs) => {
        for (const { startMs, endMs, quietFromMs } of planAll(speech, durationMs, maxPieceMs)) {
          if (quietFromMs === null) continue;
          const pauses = speech.slice(1).map((span, index) => [speech[index]!.endMs, span.startMs] as const);
          const from = startMs + (endMs + 1 - startMs) / 3;
          assert.ok(pauses.every(([start, end]) => Math.min(end, endMs) - Math.max(start, from) < 201));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('sends a recording that fits in one piece, without the silence around it', () => {
    assert.deepEqual(planAll(spansOf([20_000, 30_000], [31_000, 50_000]), 90_000, 60_000), [
      { startMs: 19_000, endMs: 51_000, quietFromMs: null },
    ]);
  });

  it('sends nothing of a recording in which nobody speaks', () => {
    assert.deepEqual(planAll([], 3_600_000, 60_000), []);
  });

  it('cuts in the middle of the longest pause near the end of a full piece', () => {
    const speech = spansOf([0, 39_000], [39_800, 50_000], [50_500, 58_000], [58_400, 200_000]);
    assert.equal(planAll(speech, 200_000, 60_000)[0]?.endMs, 50_250);
  });

  it('takes an earlier pause rather than cut somebody off', () => {
    const speech = spansOf([0, 30_000], [31_000, 200_000]);
    assert.equal(planAll(speech, 200_000, 60_000)[0]?.endMs, 30_500);
  });

  it('looks for a quiet place in the last seconds where nobody pauses', () => {
    assert.deepEqual(nextPiece(spansOf([0, 200_000]), 0, 200_000, 60_000), {
      startMs: 0,
      endMs: 60_000,
      quietFromMs: 45_000,
    });
  });

  it('leaves no scrap for the last piece', () => {
    const speech = Array.from({ length: 61 }, (_, index) => ({ startMs: index * 1000, endMs: index * 1000 + 600 }));
    const [first, second, ...more] = planAll(speech, 61_000, 60_000);
    assert.deepEqual(more, []);
    assert.ok(first!.endMs > 20_000 && second!.endMs - second!.startMs > 20_000);
  });
});
