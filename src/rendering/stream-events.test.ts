import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askOf, segmentOf, silence, twoTickets } from '../../test/helpers/transcripts.ts';
import { separatorBetween } from '../transcript/joined-text.ts';
import { createStreamEvents } from './stream-events.ts';

type Event = { type: string; delta?: string; text?: string; [key: string]: unknown };

function eventsOf(events: readonly object[]): Event[] {
  return events.map((one) => JSON.parse(JSON.stringify(one)));
}
function deltas(events: readonly Event[]): string {
  return events.map((one) => one.delta ?? '').join('');
}

describe('stream events', () => {
  it('send a delta for each segment, adding up exactly to the text of the last event', () => {
    const stream = createStreamEvents({ diarized: false, wantLogprobs: false });
    const events = eventsOf([
      ...twoTickets.segments.flatMap((segment) =>
        stream.segment({ type: 'segment-final', segment, words: null, tokens: null }),
      ),
      ...stream.done(askOf(twoTickets)),
    ]);
    assert.deepEqual(
      events.map((one) => one.type),
      ['transcript.text.delta', 'transcript.text.delta', 'transcript.text.done'],
    );
    assert.equal(deltas(events), 'Two tickets, please. Thanks.');
    assert.equal(events.at(-1)!.text, 'Two tickets, please. Thanks.');
    assert.deepEqual(events.at(-1)!.usage, { type: 'duration', seconds: 4.6 });
  });

  it('send everything at the end for a provider that gives nothing before', () => {
    const events = eventsOf(createStreamEvents({ diarized: false, wantLogprobs: false }).done(askOf(twoTickets)));
    assert.equal(events.length, 3);
    assert.equal(deltas(events), twoTickets.text);
  });

  it('send what is missing at the end, and never take back what has been sent', () => {
    const late = createStreamEvents({ diarized: false, wantLogprobs: false });
    const first = twoTickets.segments[0]!;
    const head = eventsOf(late.segment({ type: 'segment-final', segment: first, words: null, tokens: null }));
    const tail = eventsOf(late.done(askOf(twoTickets)));
    assert.equal(deltas([...head, ...tail]), twoTickets.text);

    const other = createStreamEvents({ diarized: false, wantLogprobs: false });
    const wrong = eventsOf(
      other.segment({ type: 'segment-final', segment: segmentOf('Else.', 0, 1), words: null, tokens: null }),
    );
    const done = eventsOf(other.done(askOf(twoTickets))).at(-1)!;
    assert.equal(done.text, deltas(wrong));
  });

  it('send only the last event when nobody spoke', () => {
    const events = eventsOf(createStreamEvents({ diarized: true, wantLogprobs: false }).done(askOf(silence)));
    assert.deepEqual(
      events.map((one) => [one.type, one.text]),
      [['transcript.text.done', '']],
    );
  });

  it('add speaker segments for diarized_json, tied to their deltas', () => {
    const events = eventsOf(createStreamEvents({ diarized: true, wantLogprobs: false }).done(askOf(twoTickets)));
    assert.deepEqual(
      events.map((one) => one.type),
      [
        'transcript.text.delta',
        'transcript.text.segment',
        'transcript.text.delta',
        'transcript.text.segment',
        'transcript.text.done',
      ],
    );
    assert.equal(events[0]!.segment_id, 'seg_001');
    assert.deepEqual([events[3]!.id, events[3]!.speaker], ['seg_002', 'A']);
  });

  it('carry log-probabilities in the deltas and at the end when asked for', () => {
    const stream = createStreamEvents({ diarized: false, wantLogprobs: true });
    const tokens = [{ token: 'Hi', logprob: -0.5, bytes: [72, 105] }];
    const delta = eventsOf(
      stream.segment({ type: 'segment-final', segment: segmentOf('Hi', 0, 9), words: null, tokens }),
    );
    assert.deepEqual(delta[0]!.logprobs, tokens);
    const done = eventsOf(stream.done(askOf({ ...twoTickets, text: 'Hi', tokens }, { wantLogprobs: true }))).at(-1)!;
    assert.deepEqual(done.logprobs, tokens);
  });

  it('put no space between segments of scripts that are written without', () => {
    assert.equal(separatorBetween('你好。', '再见'), '');
    assert.equal(separatorBetween('สวัสดี', 'ครับ'), '');
    assert.equal(separatorBetween('Hello.', '你好'), ' ');
    assert.equal(separatorBetween('안녕.', '네'), ' ');
    assert.equal(separatorBetween('', 'x'), '');
  });
});
