import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placeWordTimes } from './token-word-times.ts';

const FRAME_MS = 32;
const word = (startMs: number, endMs: number | null = null, lastTokenMs = startMs) => ({ startMs, lastTokenMs, endMs });

describe('word times out of token times', () => {
  const regions = [
    { startFrame: 10, endFrame: 30 },
    { startFrame: 50, endFrame: 70 },
  ];
  const speech = new Float32Array(100);
  for (const { startFrame, endFrame } of regions) speech.fill(0.9, startFrame, endFrame);
  const place = (...words: ReturnType<typeof word>[]) =>
    placeWordTimes(words, regions, speech, 3_200).map((one) => [one.startMs, one.endMs]);

  it('keeps what the model says inside speech', () => {
    assert.deepEqual(place(word(400, 600), word(700, 900)), [
      [400, 600],
      [700, 900],
    ]);
  });

  it('lets a word last until the next one or the end of speech where the model does not say', () => {
    assert.deepEqual(place(word(400), word(700), word(1_700)), [
      [400, 700],
      [700, 960],
      [1_700, 2_240],
    ]);
  });

  it('pulls a word to the nearest speech', () => {
    assert.deepEqual(place(word(100, 200), word(1_100, 1_200), word(1_500, 1_590), word(3_000, 3_100)), [
      [320, 340],
      [940, 960],
      [1_600, 1_620],
      [2_220, 2_240],
    ]);
  });

  it('ends a word of unknown length where the voice does', () => {
    const pause = Float32Array.from(speech);
    pause.fill(0.1, 15, 25);
    const [first] = placeWordTimes([word(400), word(800)], regions, pause, 3_200);
    assert.deepEqual(first, { startMs: 400, endMs: 480 });
  });

  it('gives words that rise strictly inside the window, whatever the model says', () => {
    const rough = fc.array(
      fc.record({
        startMs: fc.integer({ min: 0, max: 3_500 }),
        lastTokenMs: fc.integer({ min: 0, max: 3_500 }),
        endMs: fc.option(fc.integer({ min: 0, max: 4_000 })),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(rough, (words) => {
        let before = 0;
        for (const { startMs, endMs } of placeWordTimes(words, regions, speech, 100 * FRAME_MS)) {
          assert.ok(startMs >= before && endMs > startMs && endMs <= 100 * FRAME_MS, `${startMs} to ${endMs}`);
          before = endMs;
        }
      }),
    );
  });
});
