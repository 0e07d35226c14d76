import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../../test/helpers/scripted-attempts.ts';
import { answers, fails, failsForNow, plainAsk, ScriptedProvider } from '../../test/helpers/scripted-provider.ts';
import { silentLog } from '../core/log.ts';
import { createAttempts } from './attempts.ts';
import { createBreakers } from './breakers.ts';
import type { Plan } from './plan.ts';
import { createProviderBoxes } from './provider-boxes.ts';

const breakers = () => createBreakers({ failures: 3, openMs: 60_000, maxOpenMs: 60_000 });

describe('boxes of one provider', () => {
  it('get the call where the less busy of two is, whichever two chance chooses', () => {
    const boxes = ['a', 'b', 'c'].map((id) => new ScriptedProvider(id, answers(id)));
    let dice = 0;
    const entered = createProviderBoxes('gpu', boxes, { breakers: breakers(), dice: () => dice });
    const names = () => entered.enter('gpu/large', new Set())?.provider.id;
    // 0 and 0: the first and the second box; the first wins a draw.
    assert.deepEqual([names(), names(), names()], ['a', 'b', 'a']);
    // 0.99 and 0.99: the third and the second.
    dice = 0.99;
    assert.deepEqual([names(), names(), names()], ['c', 'c', 'b']);
  });

  it('are less busy again when a call is over', () => {
    const boxes = ['a', 'b'].map((id) => new ScriptedProvider(id, answers(id)));
    const entered = createProviderBoxes('gpu', boxes, { breakers: breakers(), dice: () => 0 });
    const first = entered.enter('gpu/large', new Set());
    assert.equal(first?.provider.id, 'a');
    first?.leave();
    assert.equal(entered.enter('gpu/large', new Set())?.provider.id, 'a');
  });

  const plan: Plan = {
    resolvedName: 'house',
    attempts: [
      { modelId: 'gpu/large', providerId: 'gpu' },
      { modelId: 'other/model', providerId: 'other' },
    ],
    passedOver: [],
  };
  const call = { signal: new AbortController().signal, log: silentLog };

  function given(...boxes: ScriptedProvider[]) {
    const other = new ScriptedProvider('other', answers('other'));
    const shared = breakers();
    const attempts = createAttempts({
      providers: new Map([
        ['gpu', boxes[0]!],
        ['other', other],
      ]),
      boxes: new Map([['gpu', boxes]]),
      breakers: shared,
      limits,
      dice: () => 0,
    });
    return { attempts, other, breakers: shared };
  }

  it('stand in for each other before anybody else is asked, whatever the trouble', async () => {
    for (const trouble of [fails('bad_gateway'), fails('provider_key_refused'), failsForNow()]) {
      const [broken, healthy] = [new ScriptedProvider('gpu', trouble), new ScriptedProvider('gpu', answers('here'))];
      const { attempts, other } = given(broken, healthy);
      const { answer, records } = await attempts.run(plan, plainAsk, call);
      assert.equal(answer.transcript.text, 'here');
      assert.deepEqual([records.length, records[0]?.calls, other.calls.length], [1, 2, 0]);
    }
  });

  it("do not stand in for each other where the caller's input is to blame", async () => {
    const healthy = new ScriptedProvider('gpu', answers('here'));
    const { attempts } = given(new ScriptedProvider('gpu', fails('invalid_value')), healthy);
    await assert.rejects(attempts.run(plan, plainAsk, call), { code: 'invalid_value' });
    assert.equal(healthy.calls.length, 0);
  });

  it('have a breaker each: one that always fails is left out, and the provider stays open for business', async () => {
    const broken = new ScriptedProvider('gpu', fails('bad_gateway'));
    const { attempts, breakers: shared } = given(broken, new ScriptedProvider('gpu', answers('here')));
    for (let request = 0; request < 10; request++) await attempts.run(plan, plainAsk, call);
    assert.equal(broken.calls.length, 3);
    assert.equal(shared.stateOf('gpu#1', 'gpu/large').state, 'open');
    assert.equal(attempts.stateOf('gpu', 'gpu/large').state, 'closed');
  });

  it('are out of business together when all ask for rest', async () => {
    const tired = () => new ScriptedProvider('gpu', failsForNow({ retryAfterSeconds: 30 }));
    const { attempts, other } = given(tired(), tired());
    await attempts.run(plan, plainAsk, call);
    assert.equal(other.calls.length, 1);
    const { state, retryAfterMs } = attempts.stateOf('gpu', 'gpu/large');
    assert.ok(state === 'open' && retryAfterMs > 20_000);
  });
});
