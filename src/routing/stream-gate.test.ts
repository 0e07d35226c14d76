import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { segmentOf } from '../../test/helpers/scripted-provider.ts';
import type { TranscriptEvent } from '../transcript/transcript.ts';
import { Floor, looksLikeSpeech, StreamGate } from './stream-gate.ts';

const segment = (text: string): TranscriptEvent => ({
  type: 'segment-final',
  segment: segmentOf(text),
  words: null,
  tokens: null,
});
const progress = (processedMs: number): TranscriptEvent => ({ type: 'progress', processedMs, durationMs: 1000 });

describe('a stream gate', () => {
  function given() {
    const sent: (string | number)[] = [];
    const taken: string[] = [];
    const floor = new Floor((event) => sent.push(event.type === 'progress' ? event.processedMs : event.segment.text));
    const gate = (name: string, mode: 'open' | 'until-trusted' | 'until-kept') =>
      new StreamGate(floor, mode, () => taken.push(name));
    return { sent, taken, gate };
  }

  it('holds back until the text looks like speech, then sends all of it and what follows', () => {
    const { sent, taken, gate } = given();
    const one = gate('one', 'until-trusted');
    one.onEvent(segment('Good morning, everybody.'));
    assert.deepEqual(sent, []);
    one.onEvent(segment('Shall we begin with the minutes?'));
    one.onEvent(segment('Yes.'));
    assert.deepEqual(sent, ['Good morning, everybody.', 'Shall we begin with the minutes?', 'Yes.']);
    assert.deepEqual(taken, ['one']);
  });

  it('never trusts a loop', () => {
    const { sent, gate } = given();
    const one = gate('one', 'until-trusted');
    for (let round = 0; round < 40; round++) one.onEvent(segment('Thank you.'));
    assert.deepEqual(sent, []);
    one.release();
    assert.equal(sent.length, 40);
  });

  it('gives the floor to one alone', () => {
    const { sent, taken, gate } = given();
    const [first, second] = [gate('first', 'until-kept'), gate('second', 'open')];
    first.onEvent(segment('first'));
    second.onEvent(segment('second'));
    first.onEvent(segment('more'));
    first.release();
    assert.deepEqual(sent, ['second']);
    assert.deepEqual([taken, first.hasFloor, second.hasFloor], [['second'], false, true]);
  });

  it('shows progress at once, and never lets it fall back', () => {
    const { sent, gate } = given();
    const first = gate('first', 'until-kept');
    for (const ms of [100, 500]) first.onEvent(progress(ms));
    const second = gate('second', 'open');
    for (const ms of [200, 700]) second.onEvent(progress(ms));
    assert.deepEqual(sent, [100, 500, 700]);
  });
});

describe('looksLikeSpeech', () => {
  it('takes sentences of any writing for speech, and neither scraps nor loops', () => {
    assert.equal(looksLikeSpeech('The meeting begins at nine and ends before lunch is served.'), true);
    assert.equal(
      looksLikeSpeech(
        '会议从上午九点开始，到中午之前结束，请大家准时参加，并且带上昨天的会议记录和下一季度的预算草案，谢谢各位。',
      ),
      true,
    );
    assert.equal(looksLikeSpeech('Hm. Well.'), false);
    assert.equal(looksLikeSpeech('bye '.repeat(40)), false);
  });
});
