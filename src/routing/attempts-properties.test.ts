import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assert as always, array, asyncProperty, boolean, constantFrom, integer, option, record } from 'fast-check';
import { limits, outcomesOf } from '../../test/helpers/scripted-attempts.ts';
import {
  answerOf,
  answers,
  fails,
  failsForNow,
  plainAsk,
  ScriptedProvider,
  type ScriptStep,
  says,
  segmentOf,
  slowly,
  stalls,
} from '../../test/helpers/scripted-provider.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { TranscriptEvent } from '../transcript/transcript.ts';
import type { AnswerJudge } from './answer-judge.ts';
import { AttemptsError, type AttemptsResult, createAttempts } from './attempts.ts';
import type { Plan } from './plan.ts';

const speech = (name: string) => `${name} says what was said in the recording, at some length and without repeating.`;

type StepName = keyof ReturnType<typeof stepsOf>;

/** Everything that a provider may do. */
function stepsOf(name: string) {
  const whole = speech(name);
  return {
    answer: answers(whole),
    stream: says(whole, answers(whole)),
    'stream late': slowly(says(whole, answers(whole))),
    empty: answers(''),
    'stream nonsense': says('Hm.', answers('')),
    unsure: async () => answerOf(whole, { segments: [segmentOf(whole, 0.2)] }),
    sure: async () => answerOf(whole, { segments: [segmentOf(whole, 0.95)] }),
    fail: fails('bad_gateway'),
    'fail late': slowly(fails('bad_gateway')),
    'fail for now': failsForNow(),
    'rest a second': failsForNow({ retryAfterSeconds: 600 }),
    'refuse the key': fails('provider_key_refused'),
    'refuse the input': fails('invalid_value'),
    'break while it speaks': says(whole, fails('bad_gateway')),
    'throw nonsense': async () => {
      throw new TypeError('nonsense');
    },
    stall: stalls,
  } satisfies Record<string, ScriptStep>;
}

const stepNames: readonly StepName[] = [
  'answer',
  'stream',
  'stream late',
  'empty',
  'stream nonsense',
  'unsure',
  'sure',
  'fail',
  'fail late',
  'fail for now',
  'rest a second',
  'refuse the key',
  'refuse the input',
  'break while it speaks',
  'throw nonsense',
  'stall',
];

const judge: AnswerJudge = {
  judge: async ({ transcript: { text } }) => ({
    fault: text === '' ? 'empty' : null,
    speechMs: text === '' ? 800 : null,
    characterCount: text.length,
  }),
};

const worlds = record({
  scripts: array(array(constantFrom(...stepNames), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
  /** Boxes of the first provider beside its own. */
  furtherBox: option(array(constantFrom(...stepNames), { minLength: 1, maxLength: 3 }), { nil: null }),
  retries: integer({ min: 0, max: 3 }),
  hedge: boolean(),
  judged: boolean(),
  streams: boolean(),
  hasOpening: boolean(),
  /** After how many turns of the event loop the caller leaves. */
  leavesAfter: option(integer({ min: 0, max: 40 }), { nil: null }),
});

type World = typeof worlds extends import('fast-check').Arbitrary<infer One> ? One : never;

async function live(world: World) {
  const script = (name: string, steps: readonly StepName[]) => {
    const known = stepsOf(name);
    const [first, ...others] = steps.map((one) => known[one]);
    return new ScriptedProvider(name, first!, ...others);
  };
  const providers = world.scripts.map((steps, index) => script(`provider${index}`, steps));
  const box = world.furtherBox && script('provider0', world.furtherBox);
  const caller = new AbortController();
  const events: TranscriptEvent[] = [];
  const observed: string[] = [];
  const attempts = createAttempts({
    providers: new Map(providers.map((one) => [one.id, one])),
    ...(box && { boxes: new Map([['provider0', [providers[0]!, box]]]) }),
    limits: {
      ...limits,
      retries: world.retries,
      callBaseMs: 20,
      callPerAudioMs: 0,
      hedge: world.hedge ? { baseMs: 1, perAudioMs: 0 } : null,
    },
    ...(world.judged && { judge }),
    observer: {
      attemptEnded: ({ outcome }) => observed.push(outcome),
      retried: () => undefined,
    },
  });
  const all = providers.map(({ id }) => ({ modelId: `${id}/model`, providerId: id }));
  const isOpened = world.hasOpening && all.length > 1;
  const plan: Plan = {
    resolvedName: 'house',
    ...(isOpened && { opening: { attempt: all[0]!, keepAboveConfidence: 0.8 } }),
    attempts: isOpened ? all.slice(1) : all,
    passedOver: [],
  };
  // Whoever is the last and stalls is ended by the deadline of the request.
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new DOMException('late', 'TimeoutError')), 60);
  let callsWhenLeft: number | null = null;
  const callCount = () => [...providers, ...(box ? [box] : [])].reduce((sum, one) => sum + one.calls.length, 0);
  const leaving = (async () => {
    if (world.leavesAfter === null) return;
    for (let turn = 0; turn < world.leavesAfter; turn++) await new Promise(setImmediate);
    caller.abort();
    callsWhenLeft = callCount();
  })();
  let result: AttemptsResult | null = null;
  let error: unknown = null;
  try {
    result = await attempts.run(plan, plainAsk, {
      signal: AbortSignal.any([caller.signal, deadline.signal]),
      log: silentLog,
      ...(world.streams && { onEvent: (event) => events.push(event) }),
    });
  } catch (thrown) {
    error = thrown;
  }
  const callsAtEnd = callCount();
  const left = [...providers, ...(box ? [box] : [])].flatMap((one) =>
    one.calls.filter(({ isOver, signal }) => !isOver && !signal.aborted),
  );
  await leaving;
  clearTimeout(timer);
  const records = result?.records ?? (error instanceof AttemptsError ? error.records : []);
  const texts = events.flatMap((one) => (one.type === 'segment-final' ? one.segment.text : []));
  return { plan, result, error, records, texts, observed, callsWhenLeft, callsAtEnd, callCount, left };
}

describe('attempts, whatever providers and callers do', () => {
  const check = (promise: string, property: (world: World, life: Awaited<ReturnType<typeof live>>) => void) =>
    it(promise, () =>
      always(
        asyncProperty(worlds, async (world) => property(world, await live(world))),
        { numRuns: 120 },
      ),
    );

  check(
    'end with an answer or an error of the table, and records of the attempts',
    (world, { result, error, records }) => {
      assert.ok(result || error instanceof AttemptsError, String(error));
      assert.ok(records.length > 0 || world.leavesAfter === 0);
      assert.equal(records.filter((one) => one.answered).length, result ? 1 : 0);
      if (error instanceof GatewayError) assert.ok(error.code);
    },
  );

  check('call nobody more often than planned, with tries again and boxes', (world, { plan, callsAtEnd, records }) => {
    const planned = plan.attempts.length + (plan.opening ? 1 : 0);
    const perAttempt = (1 + world.retries) * (world.furtherBox ? 2 : 1);
    assert.ok(records.length <= planned);
    assert.ok(callsAtEnd <= planned * perAttempt);
  });

  check('are recorded as they were made: every call, every end once', (_, { records, callsAtEnd, observed }) => {
    assert.equal(
      records.reduce((sum, one) => sum + one.calls, 0),
      callsAtEnd,
    );
    assert.deepEqual(observed.toSorted(), outcomesOf(records).toSorted());
  });

  check('call nobody after the caller has left or an answer is there', (_, life) => {
    assert.equal(life.callCount(), life.callsAtEnd);
    if (life.callsWhenLeft !== null) assert.ok(life.callsAtEnd <= life.callsWhenLeft);
  });

  check('send text of one attempt alone, the one whose answer is given', (_, { texts, result }) => {
    assert.ok(new Set(texts).size <= 1);
    if (result && texts.length > 0) assert.ok(texts[0] === 'Hm.' || texts[0] === result.answer.transcript.text);
  });

  check('leave nobody at work whose answer nobody waits for', (_, { left }) => {
    assert.equal(left.length, 0);
  });
});
