import { type ErrorCode, toGatewayError } from '../core/errors.ts';
import type { OwnProviders } from '../routing/attempts-parts.ts';
import type { OwnKeys, Plan } from '../routing/plan.ts';
import type { OpenCharge } from './charges.ts';

/** Everything that an account's own vendor keys change about its requests. */
export interface AccountKeys extends OwnProviders {
  /** What the plan has to know of them. */
  readonly choice: OwnKeys;
}

/** The keys of an account; null: it has none. A promise only where somebody has to be asked. */
export type AccountKeysOf = (accountId: string) => AccountKeys | null | Promise<AccountKeys | null>;

/** Whether only the account's own keys would be used: then nothing of it is at our price. */
export function isOwnAlone({ opening, attempts }: Plan): boolean {
  return attempts.every((one) => one.ownKey) && (!opening || opening.attempt.ownKey === true);
}

/** What is left of a plan without what is at our price; null: nothing. */
function ownPart({ opening, attempts, ...plan }: Plan): Plan | null {
  const own = attempts.filter((one) => one.ownKey);
  if (own.length === 0) return null;
  return { ...plan, ...(opening?.attempt.ownKey && { opening }), attempts: own };
}

/** Refusals after which what the account pays its vendor for itself can still be done. */
const unpaid: ReadonlySet<ErrorCode> = new Set(['insufficient_credits', 'budget_exhausted']);

/** Holds the money for a plan. Who cannot pay for all of it gets what its own keys can do, and no more. */
export async function holdFor(
  plan: Plan,
  open: (plan: Plan) => Promise<OpenCharge>,
): Promise<{ readonly plan: Plan; readonly charge: OpenCharge }> {
  try {
    return { plan, charge: await open(plan) };
  } catch (thrown) {
    const rest = unpaid.has(toGatewayError(thrown).code) && !isOwnAlone(plan) ? ownPart(plan) : null;
    if (!rest) throw thrown;
    return { plan: rest, charge: await open(rest) };
  }
}
