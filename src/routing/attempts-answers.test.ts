import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { given, judgeOf, limits, longText, outcomesOf, planOf } from '../../test/helpers/scripted-attempts.ts';
import {
  answerOf,
  answers,
  fails,
  failsForNow,
  plainAsk,
  type ScriptStep,
  says,
  segmentOf,
  slowly,
  stalls,
} from '../../test/helpers/scripted-provider.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { AnswerJudge } from './answer-judge.ts';
import { createAttempts } from './attempts.ts';
import { PiecesError } from './pieces-error.ts';

describe('an answer that cannot be right', () => {
  const judge = judgeOf({ '': 'empty', ' ': 'empty', short: 'too-short', looped: 'loop' });

  it('counts as a failure, with what was found in the record', async () => {
    const { answer, records } = await given([answers('')], [answers('right')]).run({ parts: { judge } });
    assert.equal(answer.transcript.text, 'right');
    assert.deepEqual(outcomesOf(records), ['bad_output:empty', 'ok']);
    assert.deepEqual(records[0]?.judgement, { speechMs: 900, characterCount: 0 });
  });

  it('is given where nobody has a better one: the least wrong, not an error', async () => {
    const { answer, attempt, records } = await given(
      [answers('looped')],
      [answers('short')],
      [fails('bad_gateway')],
    ).run({ parts: { judge } });
    assert.equal(answer.transcript.text, 'short');
    assert.equal(attempt.providerId, 'second');
    assert.deepEqual(
      records.map((one) => one.answered),
      [false, true, false],
    );
  });

  it('is the answer where all say the same', async () => {
    const { attempt } = await given([answers('')], [answers(' ')], [answers('')]).run({ parts: { judge } });
    assert.equal(attempt.providerId, 'first');
  });

  it('is not looked for where nobody else could be asked', async () => {
    let judged = 0;
    const counting: AnswerJudge = {
      async judge() {
        judged++;
        return { fault: 'empty', speechMs: null, characterCount: 0 };
      },
    };
    await given([answers('')]).run({ parts: { judge: counting } });
    assert.equal(judged, 0);
  });

  it('tells against its provider only where another heard more', async () => {
    const run = async (second: string) => {
      const { providers } = given([answers('')], [answers(second)]);
      const attempts = createAttempts({ providers: new Map(providers.map((one) => [one.id, one])), limits, judge });
      const call = { signal: new AbortController().signal, log: silentLog };
      for (let request = 0; request < 6; request++) await attempts.run(planOf('first', 'second'), plainAsk, call);
      return attempts.stateOf('first', 'first/model').state;
    };
    assert.equal(await run('right'), 'open');
    assert.equal(await run(''), 'closed');
  });

  it('is not looked for beyond the deadline: what is there is given', async () => {
    const deadline = new AbortController();
    const slow: AnswerJudge = {
      judge: () => {
        deadline.abort(new DOMException('late', 'TimeoutError'));
        return new Promise(() => {});
      },
    };
    const call = { signal: deadline.signal };
    const { answer } = await given([answers('text')], [answers('other')]).run({ parts: { judge: slow }, call });
    assert.equal(answer.transcript.text, 'text');
  });

  it('is believed where the judge itself fails', async () => {
    const broken: AnswerJudge = {
      async judge() {
        throw new GatewayError('audio_unreadable', 'cannot be decoded');
      },
    };
    const { answer } = await given([answers('text')], [answers('other')]).run({ parts: { judge: broken } });
    assert.equal(answer.transcript.text, 'text');
  });
});

describe('an opening', () => {
  const opening = { attempt: { modelId: 'first/model', providerId: 'first' }, keepAboveConfidence: 0.8 };
  const withSegments = (confidence: number | null) => async () =>
    answerOf('cheap', { segments: [segmentOf('cheap', confidence)] });
  const attempts = [{ modelId: 'second/model', providerId: 'second' }];

  it('is the answer where it is sure of itself', async () => {
    const { run, providers } = given([withSegments(0.9)], [answers('dear')]);
    const { answer, records } = await run({ plan: { opening, attempts } });
    assert.equal(answer.transcript.text, 'cheap');
    assert.deepEqual(
      records.map(({ kind, outcome, confidence }) => [kind, outcome, confidence]),
      [['opening', 'ok', 0.9]],
    );
    assert.equal(providers[1]?.calls.length, 0);
  });

  it('is passed on where it is not, or does not say', async () => {
    for (const confidence of [0.7, null]) {
      const { answer, records } = await given([withSegments(confidence)], [answers('dear')]).run({
        plan: { opening, attempts },
      });
      assert.equal(answer.transcript.text, 'dear');
      assert.deepEqual(outcomesOf(records), ['unsure', 'ok']);
    }
  });

  it('stands where all others fail', async () => {
    const { answer, records } = await given([withSegments(0.3)], [fails('bad_gateway')]).run({
      plan: { opening, attempts },
    });
    assert.equal(answer.transcript.text, 'cheap');
    assert.deepEqual(
      records.map(({ outcome, answered }) => [outcome, answered]),
      [
        ['unsure', true],
        ['bad_gateway', false],
      ],
    );
  });

  it('sends nothing before it is kept', async () => {
    const script = says(longText, withSegments(0.3));
    const { streamed, heard } = given([script], [says('dear', answers('dear'))]);
    await streamed({ plan: { opening, attempts } });
    assert.deepEqual(heard(), ['dear']);
    const kept = given([says(longText, withSegments(0.9))], [answers('dear')]);
    await kept.streamed({ plan: { opening, attempts } });
    assert.deepEqual(kept.heard(), [longText]);
  });

  it('that hears nobody is kept only where the judge agrees', async () => {
    const plan = { opening, attempts };
    const silent = () => given([answers('')], [answers('dear')]);
    assert.deepEqual(outcomesOf((await silent().run({ plan })).records), ['unsure', 'ok']);
    assert.deepEqual(outcomesOf((await silent().run({ plan, parts: { judge: judgeOf({}) } })).records), ['ok']);
  });
});

describe('a hedge', () => {
  const hedged = { limits: { ...limits, hedge: { baseMs: 1, perAudioMs: 0 } } };

  it('answers instead of one that is slow, which is cancelled; both are recorded', async () => {
    const { run, providers } = given([stalls], [answers('quick')], [answers('third')]);
    const { answer, records } = await run({ parts: hedged });
    assert.equal(answer.transcript.text, 'quick');
    assert.deepEqual(
      records.map(({ kind, outcome }) => [kind, outcome]),
      [
        ['first', 'cancelled'],
        ['hedge', 'ok'],
      ],
    );
    assert.equal(providers[0]?.calls[0]?.signal.aborted, true);
    assert.equal(providers[2]?.calls.length, 0);
  });

  it('is cancelled where the first is there before it', async () => {
    let hedgeStarted = () => {};
    const started = new Promise<void>((resolve) => {
      hedgeStarted = resolve;
    });
    const first: ScriptStep = async () => {
      await started;
      return answerOf('first');
    };
    const { run, providers } = given(
      [first],
      [
        (call, ask) => {
          hedgeStarted();
          return stalls(call, ask);
        },
      ],
    );
    const { records } = await run({ parts: hedged });
    assert.deepEqual(outcomesOf(records), ['ok', 'cancelled']);
    assert.equal(providers[1]?.calls[0]?.signal.aborted, true);
  });

  it('leaves the floor to whoever speaks first', async () => {
    const { streamed, heard } = given([stalls], [says(longText, slowly(answers(longText)))]);
    const { records } = await streamed({ parts: hedged });
    assert.deepEqual(heard(), [longText]);
    assert.deepEqual(outcomesOf(records), ['cancelled', 'ok']);
  });

  it('tells nothing against the provider that was slower', async () => {
    const { providers } = given([stalls], [answers('quick')]);
    const attempts = createAttempts({ providers: new Map(providers.map((one) => [one.id, one])), ...hedged });
    const call = { signal: new AbortController().signal, log: silentLog };
    for (let request = 0; request < 6; request++) await attempts.run(planOf('first', 'second'), plainAsk, call);
    assert.equal(attempts.stateOf('first', 'first/model').state, 'closed');
  });
});

describe('a recording in pieces', () => {
  const pieces = { maxDurationMs: 500, maxUploadBytes: null, maxParallelCalls: 1 };
  const plan = { attempts: [{ modelId: 'first/model', providerId: 'first', pieces }] };

  it('has each piece tried again by itself, and all calls counted', async () => {
    const { run } = given([answers('one'), failsForNow(), answers('two')]);
    const { answer, records } = await run({
      plan,
      parts: {
        async inPieces(callOnce, givenLimits, ask, call) {
          assert.equal(givenLimits, pieces);
          const parts = [await callOnce(ask, call), await callOnce(ask, call)];
          return answerOf(parts.map((one) => one.transcript.text).join(' '));
        },
      },
    });
    assert.equal(answer.transcript.text, 'one two');
    assert.equal(records[0]?.calls, 3);
  });

  it('gives what was heard of it where nobody heard all', async () => {
    const { answer, records } = await given([answers('one')]).run({
      plan,
      parts: {
        async inPieces() {
          throw new PiecesError(new GatewayError('bad_gateway', 'gone', { origin: 'provider' }), answerOf('half'));
        },
      },
    });
    assert.equal(answer.transcript.text, 'half');
    assert.deepEqual(outcomesOf(records), ['bad_gateway']);
  });
});
