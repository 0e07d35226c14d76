import type { Caller } from '../auth/key-directory.ts';
import type { Payer } from '../pipeline/charges.ts';
import type { RequestFacts } from './request-facts.ts';

/** The account behind the key pays, at the prices of its plan. */
export function payerOf(caller: Caller, facts: RequestFacts): Payer {
  const { account, keyId, monthlyBudgetNanos, plan } = caller;
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
