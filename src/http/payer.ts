import type { Caller } from '../auth/key-directory.ts';
import type { Payer } from '../pipeline/charges.ts';
import type { RequestFacts } from './request-facts.ts';

/** The account behind the key pays, at the prices of its plan. */
export function payerOf({ account, keyId, monthlyBudgetNanos, plan }: Caller, facts: RequestFacts): Payer {
  return {
    accountId: account.id,
    keyId,
    monthlyBudgetNanos,
    isUnlimited: plan.billing === 'unlimited',
    prices: plan.prices,
    arrivedAtMs: facts.arrivedAtMs,
    onHeld: () => {
      facts.isHeld = true;
    },
  };
}
