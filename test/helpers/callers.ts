import type { Plan } from '../../src/auth/account-store.ts';
import type { Caller, KeyPolicy } from '../../src/auth/key-directory.ts';

/** A key that is held to nothing. */
export const freePolicy: KeyPolicy = {
  scopes: ['transcribe'],
  allowedModels: null,
  localOnly: false,
  monthlyBudgetNanos: null,
  maxPriceNanosPerMinute: null,
  requestsPerMinute: null,
  audioSecondsPerMinute: null,
  maxConcurrent: null,
  expiresAt: null,
};

/** A plan that refuses nothing, as the operator's own account has it. */
export const unlimitedPlan: Plan = {
  id: 'unlimited',
  name: 'Unlimited',
  builtIn: true,
  transcription: true,
  billing: 'unlimited',
  allowedModels: null,
  maxUploadBytes: null,
  requestsPerMinute: null,
  audioSecondsPerMinute: null,
  maxConcurrent: null,
  maxLiveStreams: null,
  prices: {},
};

/** Somebody who may transcribe, on a plan without limits. */
export function callerOf(keyId: string, more: Partial<Caller> = {}): Caller {
  return {
    ...freePolicy,
    keyId,
    account: { id: 'acc_test', status: 'active' },
    plan: unlimitedPlan,
    isToken: false,
    ...more,
  };
}
