import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { windowRules } from './speech-regions.ts';
import { type PlannedWindow, WindowPlanner } from './window-planner.ts';

const FRAMES_PER_SECOND = 1000 / 32;

function plan(speech: readonly number[]): PlannedWindow[] {
  const planner = new WindowPlanner(windowRules);
  const windows = speech.flatMap((probability) => planner.push(probability));
  return [...windows, ...planner.finish()];
}

/** Alternating stretches: [seconds, probability]. */
function signal(...parts: readonly (readonly [number, number])[]): number[] {
  return parts.flatMap(([seconds, probability]) =>
    new Array<number>(Math.round(seconds * FRAMES_PER_SECOND)).fill(probability),
  );
}

describe('WindowPlanner', () => {
  it('makes no window of silence', () => {
    assert.deepEqual(plan(signal([120, 0.02])), []);
  });

  it('makes no window of a blip that is shorter than any word', () => {
    assert.deepEqual(plan(signal([5, 0.01], [0.12, 0.9], [5, 0.01])), []);
  });

  it('keeps utterances with short pauses in one window and parts them at a long one', () => {
    const windows = plan(signal([1, 0], [3, 0.9], [0.6, 0], [3, 0.9], [4, 0], [2, 0.9], [1, 0]));
    assert.equal(windows.length, 2);
    assert.equal(windows[0]?.speech.length, 2);
    assert.equal(windows[1]?.speech.length, 1);
  });

  it('cuts speech without any pause at its quietest place and says so', () => {
    const speech = signal([60, 0.95]);
    speech[Math.round(20 * FRAMES_PER_SECOND)] = 0.4;
    const windows = plan(speech);
    assert.equal(windows[0]?.cutInSpeech, true);
    assert.ok(Math.abs((windows[0]?.endFrame ?? 0) - 20 * FRAMES_PER_SECOND) <= 2);
  });

  it('leaves nothing behind a cut that is too short to be heard by itself', () => {
    const longest = windowRules.maxFrames;
    for (let quiet = 0; quiet < 12; quiet++) {
      const speech = [...new Array<number>(longest - quiet).fill(0.5), ...new Array<number>(60).fill(0)];
      const windows = plan(speech);
      assert.ok((windows.at(-1)?.endFrame ?? 0) >= longest - quiet, `${quiet} quiet frames before the cut`);
    }
  });

  it('never overlaps windows, never exceeds the longest, and loses no clear speech, whatever comes in', () => {
    const stretch = fc.tuple(
      fc.double({ min: 0.03, max: 40, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 30 }), (parts) => {
        const speech = signal(...parts);
        const windows = plan(speech);
        let last = 0;
        for (const window of windows) {
          assert.ok(window.startFrame >= last, 'overlap');
          assert.ok(window.endFrame > window.startFrame, 'empty window');
          assert.ok(window.endFrame - window.startFrame <= windowRules.maxFrames + windowRules.padFrames, 'too long');
          assert.ok(window.endFrame <= speech.length + windowRules.padFrames, 'beyond the end');
          last = window.endFrame;
        }
        const covered = new Uint8Array(speech.length);
        for (const window of windows) covered.fill(1, window.startFrame, window.endFrame);
        let run = 0;
        for (let frame = 0; frame < speech.length; frame++) {
          run = speech[frame]! >= windowRules.onset ? run + 1 : 0;
          if (run >= windowRules.minSpeechFrames) assert.equal(covered[frame], 1, `frame ${frame} is lost`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('needs no more sound than one window and its padding', () => {
    const planner = new WindowPlanner(windowRules);
    let frame = 0;
    for (const probability of signal([100, 0.9], [3, 0], [200, 0.8], [60, 0], [100, 0.9])) {
      planner.push(probability);
      frame++;
      assert.ok(frame - planner.keepFromFrame <= windowRules.maxFrames + windowRules.padFrames);
    }
  });
});
