import type { ProviderAsk } from '../providers/contract.ts';
import { defaultAttemptLimits } from './attempt-limits.ts';
import type { AttemptsResult } from './attempt-record.ts';
import type { AttemptsCall, AttemptsParts } from './attempts-parts.ts';
import { AttemptsRun } from './attempts-run.ts';
import { type BreakerOptions, type BreakerReading, createBreakers } from './breakers.ts';
import type { Plan } from './plan.ts';
import { createProviderBoxes, type ProviderBoxes } from './provider-boxes.ts';

export { type AttemptRecord, AttemptsError, type AttemptsResult } from './attempt-record.ts';

/** Everything that happens between a plan and an answer; the only place that tries again. */
export interface Attempts {
  /**
   * Runs a plan. The next candidate is asked after a failure that another could cure and after an answer that cannot be
   * right; never after the caller's own mistake or hang-up, and never once finished text has gone to the caller. Rejects
   * with AttemptsError.
   */
  run(plan: Plan, ask: Omit<ProviderAsk, 'modelId'>, call: AttemptsCall): Promise<AttemptsResult>;
  /** Whether a model of a provider would be asked now, its boxes taken together. */
  stateOf(providerId: string, modelId: string): BreakerReading;
}

/** Five failed requests are no bad luck any more; ten seconds is how long a restart takes, five minutes an outage. */
export const defaultBreakerOptions: Pick<BreakerOptions, 'failures' | 'openMs' | 'maxOpenMs'> = {
  failures: 5,
  openMs: 10_000,
  maxOpenMs: 300_000,
};

export function createAttempts(parts: AttemptsParts): Attempts {
  const { breakers = createBreakers(defaultBreakerOptions), limits = defaultAttemptLimits, dice = Math.random } = parts;
  const known = new Map<string, ProviderBoxes>();
  function boxesOf(providerId: string): ProviderBoxes | null {
    const found = known.get(providerId);
    if (found) return found;
    const provider = parts.providers.get(providerId);
    if (!provider) return null;
    const boxes = createProviderBoxes(providerId, parts.boxes?.get(providerId) ?? [provider], { breakers, dice });
    known.set(providerId, boxes);
    return boxes;
  }
  return {
    run: (plan, ask, call) => new AttemptsRun({ parts, breakers, boxesOf, limits, ask, call }, plan).run(),
    stateOf(providerId, modelId) {
      const whole = breakers.stateOf(providerId, modelId);
      if (whole.state !== 'closed' || !parts.boxes?.has(providerId)) return whole;
      return boxesOf(providerId)?.stateOf(modelId) ?? whole;
    },
  };
}
