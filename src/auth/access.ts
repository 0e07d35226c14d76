import type { Nanos } from '../core/money.ts';
import type { Caller } from './key-directory.ts';

/** What a key and the plan of its account allow of what there is. */
export interface Access {
  /** Names of models and aliases as the catalogue writes them; null: all. */
  readonly allowedModels: readonly string[] | null;
  /** No recording leaves this machine. */
  readonly localOnly: boolean;
  /** What a minute may cost under the name that is asked for; null: anything. */
  readonly maxNanosPerMinute: Nanos | null;
  /** By model or alias: what the plan sets over the catalogue's prices. */
  readonly prices: Caller['plan']['prices'];
}

/** A name has to be in the list of the key and in that of the plan, where they have one. */
export function accessOf({ allowedModels, localOnly, maxPriceNanosPerMinute, plan }: Caller): Access {
  const inPlan = plan.allowedModels;
  const names = allowedModels && inPlan ? allowedModels.filter((name) => inPlan.includes(name)) : allowedModels;
  return { allowedModels: names ?? inPlan, localOnly, maxNanosPerMinute: maxPriceNanosPerMinute, prices: plan.prices };
}

/** Whether the key and its plan allow a model under the name that the caller wrote. */
export function mayUseModel({ allowedModels, plan }: Pick<Caller, 'allowedModels' | 'plan'>, name: string): boolean {
  return [allowedModels, plan.allowedModels].every((list) => list === null || list.includes(name));
}
