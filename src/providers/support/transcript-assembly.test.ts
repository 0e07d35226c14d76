import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assembleTranscript, speakerNames, type VendorSpan } from './transcript-assembly.ts';

const base = { text: null, language: 'en', durationMs: 2000, segments: [], words: null };
const span = (text: string, startMs: number | null, endMs: number | null, more: Partial<VendorSpan> = {}) => ({
  text,
  startMs,
  endMs,
  ...more,
});

describe('assembleTranscript', () => {
  it('puts pieces in order, inside the recording, without overlap of one speaker', () => {
    const { words } = assembleTranscript({
      ...base,
      words: [
        span('b', 900, 1600),
        span(' a ', -20, 950),
        span('c', 1500, 99_000),
        span('', 5, 6),
        span('lost', null, 3),
      ],
    });
    assert.deepEqual(
      words?.map((one) => [one.text, one.startMs, one.endMs]),
      [
        ['a', 0, 900],
        ['b', 900, 1500],
        ['c', 1500, 2000],
      ],
    );
  });

  it('lets two speakers talk at once, and names them by first appearance', () => {
    const { segments } = assembleTranscript({
      ...base,
      segments: [span('Hello', 0, 1000, { speaker: 'spk_7' }), span('Hi', 800, 1200, { speaker: 'spk_2' })],
    });
    assert.deepEqual(
      segments.map((one) => [one.speaker, one.startMs, one.endMs]),
      [
        ['A', 0, 1000],
        ['B', 800, 1200],
      ],
    );
  });

  it('makes segments of words where there are no others: at sentences, pauses and changes of speaker', () => {
    const { segments, text } = assembleTranscript({
      ...base,
      durationMs: 9000,
      words: [
        span('Two', 0, 100, { confidence: 0.5 }),
        span('tickets.', 100, 300, { confidence: 1 }),
        span('Thanks', 400, 500),
        span('now', 2000, 2100),
        span('what?', 2100, 2300, { speaker: 1 }),
      ],
    });
    assert.deepEqual(
      segments.map((one) => [one.text, one.confidence]),
      [
        ['Two tickets.', 0.75],
        ['Thanks', null],
        ['now', null],
        ['what?', null],
      ],
    );
    assert.equal(text, 'Two tickets. Thanks now what?');
  });

  it('ends a piece without an end at the next one, and the last at the end of the recording', () => {
    const { segments } = assembleTranscript({ ...base, segments: [span('a', 0, null), span('b', 700, null)] });
    assert.deepEqual(
      segments.map((one) => one.endMs),
      [700, 2000],
    );
  });

  it('keeps names that the caller gave', () => {
    const words = [span('Hi', 0, 10, { speaker: 'agent' })];
    assert.equal(assembleTranscript({ ...base, words, keepSpeakerNames: true }).words?.[0]?.speaker, 'agent');
  });

  it('holds its promises for any times at all', () => {
    const time = fc.oneof(fc.double(), fc.integer({ min: -1000, max: 5000 }), fc.constant(null));
    const piece = fc.record({
      text: fc.string(),
      startMs: time,
      endMs: time,
      speaker: fc.constantFrom(null, 'a', 'b'),
      confidence: fc.oneof(fc.double(), fc.constant(null)),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat({ max: 3000 }), (words, durationMs) => {
        const transcript = assembleTranscript({ ...base, durationMs, words });
        let last = 0;
        for (const { startMs, endMs, confidence } of transcript.words ?? []) {
          assert.ok(Number.isInteger(startMs) && Number.isInteger(endMs));
          assert.ok(last <= startMs && startMs <= endMs && endMs <= durationMs);
          assert.ok(confidence === null || (confidence >= 0 && confidence <= 1));
          last = startMs;
        }
      }),
    );
  });
});

describe('an empty list of words', () => {
  it('means that nobody spoke only where there is no text', () => {
    assert.deepEqual(assembleTranscript({ ...base, text: '', words: [] }).words, []);
    assert.equal(assembleTranscript({ ...base, text: 'Hello.', words: [] }).words, null);
    const untimed = [{ text: 'Hello.', startMs: null, endMs: null }];
    assert.equal(assembleTranscript({ ...base, text: 'Hello.', words: untimed }).words, null);
  });
});

describe('speakerNames', () => {
  it('goes on after Z', () => {
    const nameOf = speakerNames();
    const names = Array.from({ length: 28 }, (_, index) => nameOf(index));
    assert.deepEqual([names[0], names[25], names[26], names[27], nameOf('0')], ['A', 'Z', 'AA', 'AB', 'A']);
  });
});
