import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { TranscriptEvent } from '../../transcript/transcript.ts';
import { createFluxTurns, type FluxTurnsOptions } from './flux-turns.ts';

const twoTurns: readonly unknown[] = JSON.parse(
  readFileSync(new URL('recordings/flux-two-turns.json', import.meta.url), 'utf8'),
);

function turnsOf(messages: readonly unknown[], more: Partial<FluxTurnsOptions> = {}) {
  const turns = createFluxTurns({ durationMs: 4200, knownLanguage: null, wantWords: true, ...more });
  for (const message of messages) turns.accept(JSON.stringify(message));
  return turns;
}

function turnInfo(more: Record<string, unknown>) {
  return {
    type: 'TurnInfo',
    event: 'EndOfTurn',
    turn_index: 0,
    audio_window_start: 0,
    audio_window_end: 2,
    transcript: '',
    words: [],
    ...more,
  };
}

describe('createFluxTurns', () => {
  it('makes segments with word times of finished turns, and of the one that was open at the end', () => {
    const { transcript, hasWordTimes } = turnsOf(twoTurns).finish();
    assert.equal(transcript.text, 'Is the cafe open? Until six.');
    assert.deepEqual(
      transcript.segments.map(({ text, startMs, endMs }) => [text, startMs, endMs]),
      [
        ['Is the cafe open?', 320, 1600],
        ['Until six.', 3100, 3800],
      ],
    );
    assert.equal(transcript.words?.length, 6);
    assert.deepEqual(transcript.words?.at(-1), {
      text: 'six.',
      startMs: 3400,
      endMs: 3800,
      speaker: null,
      confidence: 0.8,
    });
    assert.equal(transcript.language, 'en');
    assert.equal(hasWordTimes, true);
  });

  it('tells every turn when it ends, with its words, and how far the vendor has heard', () => {
    const events: TranscriptEvent[] = [];
    const turns = turnsOf(twoTurns, { onEvent: (event) => events.push(event) });
    const told = () => events.flatMap((event) => (event.type === 'segment-final' ? [event] : []));
    assert.deepEqual(
      told().map((event) => [event.segment.text, event.words?.length]),
      [['Is the cafe open?', 4]],
    );
    assert.equal(turns.heardMs, 3920);
    turns.finish();
    assert.deepEqual(
      told().map((event) => [event.segment.text, event.words?.length]),
      [
        ['Is the cafe open?', 4],
        ['Until six.', 2],
      ],
    );
    assert.deepEqual(events.at(-1), { type: 'progress', processedMs: 4200, durationMs: 4200 });
  });

  it('counts a turn once, however often its end is told', () => {
    const ended = turnInfo({ transcript: 'Yes.', words: [{ word: 'Yes.', start: 0.1, end: 0.5 }] });
    assert.equal(turnsOf([ended, ended, { ...ended, event: 'Update' }]).finish().transcript.text, 'Yes.');
  });

  it('keeps the words of a turn that was never ended before the next began', () => {
    const first = turnInfo({ event: 'Update', transcript: 'One.', words: [{ word: 'One.', start: 0.1, end: 0.5 }] });
    const second = turnInfo({ turn_index: 1, transcript: 'Two.', words: [{ word: 'Two.', start: 1, end: 1.5 }] });
    assert.equal(turnsOf([first, second]).finish().transcript.text, 'One. Two.');
    assert.equal(turnsOf([first, { ...second, event: 'Update' }]).finish().transcript.text, 'One. Two.');
  });

  it('says that words have no times, and places the turn by its window', () => {
    const turn = turnInfo({ audio_window_start: 0.5, transcript: 'Hello.', words: [{ word: 'Hello.' }] });
    const { transcript, hasWordTimes } = turnsOf([turn], { knownLanguage: 'de' }).finish();
    assert.equal(hasWordTimes, false);
    assert.equal(transcript.words, null);
    assert.deepEqual(
      transcript.segments.map(({ text, startMs, endMs, language }) => [text, startMs, endMs, language]),
      [['Hello.', 500, 2000, 'de']],
    );
  });

  it('prefers the transcript to words that do not make it up', () => {
    const turn = turnInfo({ transcript: 'Room 12.', words: [{ word: 'twelve', start: 0.2, end: 0.9 }] });
    assert.equal(turnsOf([turn]).finish().transcript.text, 'Room 12.');
  });

  it('takes a stream without words for silence', () => {
    const { transcript, hasWordTimes } = turnsOf([turnInfo({ event: 'Update' })]).finish();
    assert.deepEqual([transcript.text, transcript.segments, transcript.words], ['', [], []]);
    assert.equal(transcript.language, null);
    assert.equal(hasWordTimes, true);
  });

  it('passes over messages that it does not know', () => {
    assert.equal(turnsOf([{ type: 'Configured' }]).finish().transcript.text, '');
  });

  it('fails on errors and on nonsense, without what they quote', () => {
    const error = { type: 'Error', sequence_id: 8, code: 'INTERNAL_SERVER_ERROR', description: 'secret words' };
    assert.throws(() => turnsOf([error]), { code: 'service_unavailable', origin: 'provider' });
    assert.throws(() => turnsOf([{ ...error, code: 'UNPARSABLE_CLIENT_MESSAGE' }]), { code: 'bad_gateway' });
    assert.throws(() => turnsOf([{ hello: 1 }]), { code: 'bad_gateway' });
    assert.throws(() => turnsOf([turnInfo({ turn_index: 'x' })]), { code: 'bad_gateway' });
    assert.throws(() => createFluxTurns({ durationMs: 1, knownLanguage: null, wantWords: false }).accept('{'), {
      code: 'bad_gateway',
    });
  });
});
