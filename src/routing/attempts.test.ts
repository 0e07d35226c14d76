import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { given, judgeOf, limits, longText, outcomesOf, planOf } from '../../test/helpers/scripted-attempts.ts';
import {
  answerOf,
  answers,
  fails,
  failsForNow,
  ignoresAbort,
  plainAsk,
  says,
  slowly,
  stalls,
} from '../../test/helpers/scripted-provider.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { AttemptsError, createAttempts } from './attempts.ts';

describe('the next candidate', () => {
  it('is asked after a failure that another could cure, and both are recorded', async () => {
    const { attempt, records } = await given([fails('bad_gateway')], [answers('hello')]).run();
    assert.equal(attempt.modelId, 'second/model');
    assert.deepEqual(
      records.map(({ outcome, kind, calls, answered }) => ({ outcome, kind, calls, answered })),
      [
        { outcome: 'bad_gateway', kind: 'first', calls: 1, answered: false },
        { outcome: 'ok', kind: 'fallback', calls: 1, answered: true },
      ],
    );
  });

  it("is never asked after the caller's own mistake, which goes straight back", async () => {
    const { run, providers } = given([fails('audio_unreadable')], [answers('hello')]);
    await assert.rejects(run(), { code: 'audio_unreadable', origin: 'provider' });
    assert.equal(providers[1]?.calls.length, 0);
  });

  it('is never asked after the caller has left', async () => {
    const caller = new AbortController();
    const { run, providers } = given(
      [
        async () => {
          caller.abort();
          throw new GatewayError('bad_gateway', 'cut off');
        },
      ],
      [answers('hello')],
    );
    await assert.rejects(run({ call: { signal: caller.signal } }), { code: 'client_closed_request' });
    assert.equal(providers[1]?.calls.length, 0);
  });

  it('is asked when one neither answers nor listens', async () => {
    const hurried = { ...limits, callBaseMs: 5, callPerAudioMs: 0 };
    const { run, providers } = given([ignoresAbort], [stalls], [slowly(answers('hello'))]);
    const { records } = await run({ parts: { limits: hurried } });
    assert.deepEqual(outcomesOf(records), ['timeout', 'timeout', 'ok']);
    assert.equal(providers[1]?.calls[0]?.signal.aborted, true);
  });

  it('is not asked for the sake of one who looks after himself and would be asked again', async () => {
    const hurried = { ...limits, callBaseMs: 0, callPerAudioMs: 0 };
    const { run } = given([slowly(answers('at leisure'))]);
    const attempts = [
      { modelId: 'first/large', providerId: 'first' },
      { modelId: 'first/small', providerId: 'first' },
    ];
    const parts = { limits: hurried, selfSupervised: new Set(['first']) };
    assert.equal((await run({ parts, plan: { attempts } })).answer.transcript.text, 'at leisure');
  });

  it('turns whatever a provider throws into an error of the table', async () => {
    const broken = async () => {
      throw new TypeError('x is not a function');
    };
    await assert.rejects(given([broken], [broken]).run(), { code: 'server_error' });
  });
});

describe('the same provider', () => {
  it('is asked again after what may pass, a few times', async () => {
    const { run, providers } = given([failsForNow(), failsForNow(), answers('at last')], [answers('no')]);
    const { answer, records } = await run();
    assert.equal(answer.transcript.text, 'at last');
    assert.deepEqual([records[0]?.calls, providers[1]?.calls.length], [3, 0]);
    const stubborn = given([failsForNow()], [answers('other')]);
    assert.deepEqual(outcomesOf((await stubborn.run()).records), ['service_unavailable', 'ok']);
    assert.equal(stubborn.providers[0]?.calls.length, 1 + limits.retries);
  });

  it('is not asked again after a failure that stays', async () => {
    const { run, providers } = given([fails('bad_gateway')]);
    await assert.rejects(run(), AttemptsError);
    assert.equal(providers[0]?.calls.length, 1);
  });

  it('is left alone for as long as it asks for, also by other requests', async () => {
    const { providers } = given([failsForNow({ retryAfterSeconds: 60 })], [answers('other')]);
    const [first, second] = providers;
    const attempts = createAttempts({ providers: new Map(providers.map((one) => [one.id, one])), limits });
    const call = { signal: new AbortController().signal, log: silentLog };
    for (const expected of ['service_unavailable', 'breaker_open']) {
      const { records } = await attempts.run(planOf('first', 'second'), plainAsk, call);
      assert.deepEqual(outcomesOf(records), [expected, 'ok']);
    }
    assert.deepEqual([first?.calls.length, second?.calls.length], [1, 2]);
    const { state, retryAfterMs } = attempts.stateOf('first', 'first/model');
    assert.ok(state === 'open' && retryAfterMs > 50_000);
    await assert.rejects(attempts.run(planOf('first'), plainAsk, call), {
      code: 'service_unavailable',
      retryAfterSeconds: 60,
    });
  });

  it('is not waited for beyond the deadline of the request', async () => {
    const { run, providers } = given([failsForNow({ retryAfterSeconds: 2 }), answers('late')]);
    await assert.rejects(run({ call: { deadlineAtMs: performance.now() + 1000 } }), { code: 'service_unavailable' });
    assert.equal(providers[0]?.calls.length, 1);
  });
});

describe('text that streams', () => {
  it('never comes from two: once it has gone out, nobody else is asked', async () => {
    const { streamed, providers, heard } = given([says(longText, fails('engine_crashed'))], [answers('other')]);
    await assert.rejects(streamed(), { code: 'engine_crashed' });
    assert.equal(providers[1]?.calls.length, 0);
    assert.deepEqual(heard(), [longText]);
  });

  it('is held back at its beginning, so that a failure there can still be cured', async () => {
    const { streamed, heard } = given([says('Hm.', fails('bad_gateway'))], [says('Good day.', answers('Good day.'))]);
    assert.deepEqual(outcomesOf((await streamed()).records), ['bad_gateway', 'ok']);
    assert.deepEqual(heard(), ['Good day.']);
  });

  it('is sent as it comes where nobody else could answer', async () => {
    const seen: number[] = [];
    const given1 = given([
      says('Hm.', async () => {
        seen.push(given1.events.length);
        return answerOf('Hm.');
      }),
    ]);
    await given1.streamed();
    assert.deepEqual(seen, [1]);
  });

  it('does not go out before the judge could object to all of it', async () => {
    const { streamed, heard } = given([says('bad', answers('bad'))], [says('good', answers('good'))]);
    const { records } = await streamed({ parts: { judge: judgeOf({ bad: 'too-short' }) } });
    assert.deepEqual(outcomesOf(records), ['bad_output:too-short', 'ok']);
    assert.deepEqual(heard(), ['good']);
  });
});
