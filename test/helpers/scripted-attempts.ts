import { silentLog } from '../../src/core/log.ts';
import type { Provider } from '../../src/providers/contract.ts';
import type { AnswerFault, AnswerJudge } from '../../src/routing/answer-judge.ts';
import { defaultAttemptLimits } from '../../src/routing/attempt-limits.ts';
import { createAttempts } from '../../src/routing/attempts.ts';
import type { AttemptsCall, AttemptsParts } from '../../src/routing/attempts-parts.ts';
import type { Plan } from '../../src/routing/plan.ts';
import type { TranscriptEvent } from '../../src/transcript/transcript.ts';
import { plainAsk, ScriptedProvider, type ScriptStep } from './scripted-provider.ts';

/** Without waits to speak of. */
export const limits = { ...defaultAttemptLimits, backoffMs: 1 };
/** Long enough to be sent before it is complete. */
export const longText = 'Enough of a text that nobody could take it for noise any more.';

export function planOf(...ids: string[]): Plan {
  return {
    resolvedName: 'house',
    attempts: ids.map((id) => ({ modelId: `${id}/model`, providerId: id })),
    passedOver: [],
  };
}

/** Runs one request over providers named `first`, `second`, … with one script each. */
export function given(...scripts: (readonly [ScriptStep, ...ScriptStep[]])[]) {
  const names = ['first', 'second', 'third'].slice(0, scripts.length);
  const providers = scripts.map((steps, index) => new ScriptedProvider(names[index]!, ...steps));
  const byId = new Map<string, Provider>(providers.map((one) => [one.id, one]));
  const events: TranscriptEvent[] = [];
  function run({
    parts = {},
    call = {},
    plan = {},
  }: {
    parts?: Partial<AttemptsParts>;
    call?: Partial<AttemptsCall>;
    plan?: Partial<Plan>;
  } = {}) {
    return createAttempts({ providers: byId, limits, ...parts }).run({ ...planOf(...names), ...plan }, plainAsk, {
      signal: new AbortController().signal,
      log: silentLog,
      ...call,
    });
  }
  return {
    providers,
    events,
    heard: () => events.flatMap((one) => (one.type === 'segment-final' ? one.segment.text : [])),
    run,
    streamed(more: { parts?: Partial<AttemptsParts>; plan?: Partial<Plan> } = {}) {
      return run({ ...more, call: { onEvent: (event) => events.push(event) } });
    },
  };
}

/** Finds the fault that is written beside a text, and none in every other. */
export const judgeOf = (faults: Readonly<Record<string, AnswerFault>>): AnswerJudge => ({
  judge: async ({ transcript: { text } }) => ({
    fault: faults[text] ?? null,
    speechMs: 900,
    characterCount: text.length,
  }),
});

export const outcomesOf = (records: readonly { outcome: string }[]) => records.map((one) => one.outcome);
