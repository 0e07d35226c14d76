import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alignTokens } from './align-tokens.ts';

const FRAME_SAMPLES = 384;
const FRAME_MS = 24;

/** Sound and attention of words at given frames: loud where a word is, each token looking at its own frames. */
function scene(frames: number, words: readonly (readonly [number, number])[]) {
  const pcm = new Float32Array(frames * FRAME_SAMPLES);
  const rows = words.length + 1;
  const attention = new Float32Array(rows * frames).fill(0.001);
  words.forEach(([from, to], row) => {
    for (let index = from * FRAME_SAMPLES; index < to * FRAME_SAMPLES; index++) pcm[index] = Math.sin(index / 5) * 0.3;
    for (let frame = from; frame < to; frame++) attention[row * frames + frame] = 1 / (to - from);
  });
  return { attention, frames, wordOfToken: words.map((_, index) => index), pcm, frameSamples: FRAME_SAMPLES };
}

const loudAt = (pcm: Float32Array) => (ms: number) => (Math.abs(pcm[Math.round(ms * 16)] ?? 0) > 0 ? 1 : 0);

describe('alignTokens', () => {
  it('starts the first word where its sound starts, not at the beginning of the silence', () => {
    const input = scene(200, [
      [100, 120],
      [120, 140],
    ]);
    const [first] = alignTokens({ ...input, speechAt: loudAt(input.pcm) });
    assert.ok(Math.abs(first!.startMs - 100 * FRAME_MS) <= FRAME_MS);
  });

  it('starts the word after a pause behind the pause and ends the one before in front of it', () => {
    const input = scene(300, [
      [10, 30],
      [200, 230],
    ]);
    const [before, after] = alignTokens({ ...input, speechAt: loudAt(input.pcm) });
    assert.ok(Math.abs(before!.endMs - 30 * FRAME_MS) <= FRAME_MS);
    assert.ok(Math.abs(after!.startMs - 200 * FRAME_MS) <= FRAME_MS);
  });

  it('makes neighbouring words touch', () => {
    const input = scene(100, [
      [10, 30],
      [30, 60],
    ]);
    const [left, right] = alignTokens({ ...input, speechAt: loudAt(input.pcm) });
    assert.equal(left!.endMs, right!.startMs);
  });

  it('keeps words in order and inside the sound when there are more words than frames', () => {
    const tokens = 50;
    const frames = 10;
    const times = alignTokens({
      attention: new Float32Array((tokens + 1) * frames).fill(0.1),
      frames,
      wordOfToken: Array.from({ length: tokens }, (_, index) => index),
      pcm: new Float32Array(frames * FRAME_SAMPLES).fill(0.1),
      frameSamples: FRAME_SAMPLES,
      speechAt: () => 1,
    });
    assert.equal(times.length, tokens);
    let last = 0;
    for (const { startMs, endMs } of times) {
      assert.ok(startMs >= last && endMs >= startMs && endMs <= frames * FRAME_MS);
      last = endMs;
    }
  });

  it('has no times for no words', () => {
    assert.deepEqual(
      alignTokens({
        attention: new Float32Array(10),
        frames: 10,
        wordOfToken: [],
        pcm: new Float32Array(3840),
        frameSamples: FRAME_SAMPLES,
        speechAt: () => 0,
      }),
      [],
    );
  });
});
