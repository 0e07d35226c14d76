import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { segmentOf, twoTickets, wordOf } from '../../test/helpers/transcripts.ts';
import { cueTime, subtitleCues } from './subtitle-cues.ts';

/** A long segment with a word every 300 ms. */
function longSegment(text: string, startMs: number) {
  const words = text.split(' ').map((word, index) => wordOf(word, startMs + index * 300, startMs + index * 300 + 250));
  return { segment: segmentOf(text, startMs, words.at(-1)!.endMs + 400), words };
}

const speech =
  'The kettle is on and the tea will be ready soon. We should call the others in from the garden before it gets cold, ' +
  'because nobody likes cold tea and the scones are still warm from the oven that we bought last year.';

describe('subtitle cues', () => {
  it('carry over at the rounding of milliseconds, seconds and minutes', () => {
    assert.equal(cueTime(59_999.6, ','), '00:01:00,000');
    assert.equal(cueTime(3_599_999.5, '.'), '01:00:00.000');
    assert.equal(cueTime(100 * 3_600_000 + 61_001, ','), '100:01:01,001');
    assert.equal(cueTime(-3, ','), '00:00:00,000');
  });

  it('leave short segments as they are', () => {
    assert.deepEqual(subtitleCues(twoTickets), [
      { startMs: 0, endMs: 2100, text: 'Two tickets, please.' },
      { startMs: 2100, endMs: 4600, text: 'Thanks.' },
    ]);
  });

  it('cut long segments between words, within 84 characters and seven seconds, losing nothing', () => {
    const { segment, words } = longSegment(speech, 5000);
    const cues = subtitleCues({ ...twoTickets, segments: [segment], words });
    assert.ok(cues.length >= 3);
    assert.equal(cues.map((cue) => cue.text).join(' '), speech);
    assert.equal(cues[0]!.text, 'The kettle is on and the tea will be ready soon.');
    for (const cue of cues) {
      assert.ok(cue.text.length <= 84, cue.text);
      assert.ok(cue.endMs - cue.startMs <= 7400);
      assert.ok(cue.endMs > cue.startMs);
    }
    assert.equal(cues[0]!.startMs, segment.startMs);
    assert.equal(cues.at(-1)!.endMs, segment.endMs);
  });

  it('give each of several long segments its own words', () => {
    const first = longSegment(speech, 0);
    const second = longSegment(speech, 60_000);
    const cues = subtitleCues({
      ...twoTickets,
      segments: [first.segment, second.segment],
      words: [...first.words, ...second.words],
    });
    assert.equal(cues.map((cue) => cue.text).join(' '), `${speech} ${speech}`);
    assert.equal(cues.filter((cue) => cue.startMs < 60_000).length, cues.length / 2);
  });

  it('do not cut where the words are missing or are not the text', () => {
    const { segment, words } = longSegment(speech, 0);
    assert.equal(subtitleCues({ ...twoTickets, segments: [segment], words: null }).length, 1);
    assert.equal(subtitleCues({ ...twoTickets, segments: [segment], words: words.slice(1) }).length, 1);
  });

  it('hold no line break and no arrow', () => {
    const cues = subtitleCues({ ...twoTickets, segments: [segmentOf(' a --> b\n\n2\nc ', 0, 1000)] });
    assert.equal(cues[0]!.text, 'a -> b 2 c');
  });

  it('never end before they begin', () => {
    const cues = subtitleCues({ ...twoTickets, segments: [segmentOf('x', 1000, 900)] });
    assert.equal(cues[0]!.endMs, 1000);
  });
});
