import type { Note } from '../core/audit-entry.ts';
import type { Nanos } from '../core/money.ts';
import type { Page, PageAsk } from '../core/page.ts';
import type { RequestRecord } from './usage-store.ts';

/** What a wallet is asked to keep ready for one piece of work. */
export interface ReserveAsk {
  readonly accountId: string;
  /** Names the work within the account: the same key again gives the same hold, whatever else is asked. */
  readonly chargeKey: string;
  /** The most that the work can cost; 0 is allowed. */
  readonly amountNanos: Nanos;
  /** The hold ends by itself after this long: longer than the request's own deadline, so that only a dead process leaves it. */
  readonly ttlMs: number;
  readonly requestId: string | null;
  /** The key that pays, with its monthly budget; null: nobody's, or one without a budget is `budgetNanos: null`. */
  readonly key: { readonly id: string; readonly budgetNanos: Nanos | null } | null;
}

/** pending: money is kept ready. The other three are final. */
export type HoldState = 'pending' | 'settled' | 'voided' | 'expired';

export interface Hold {
  readonly id: string;
  readonly accountId: string;
  readonly amountNanos: Nanos;
  readonly state: HoldState;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  /** The charge key was used before: `state` says how that went. */
  readonly repeated: boolean;
}

/** What the work came to. */
export interface Settlement {
  readonly costNanos: Nanos;
  /** What the vendor takes from the operator; 0 for the embedded engine and for keys of the caller's own. */
  readonly providerCostNanos: Nanos;
  /** The request's row, written in the same commit; null: none. */
  readonly record: RequestRecord | null;
}

/** How a hold ended. */
export interface Receipt {
  readonly state: Exclude<HoldState, 'pending'>;
  readonly chargedNanos: Nanos;
  /** What the work cost beyond all that the wallet could pay: given away, and written on the hold. */
  readonly uncollectedNanos: Nanos;
  /** The wallet after it. */
  readonly balanceNanos: Nanos;
}

export interface Wallet {
  readonly balanceNanos: Nanos;
  readonly heldNanos: Nanos;
  /** balance − held. */
  readonly availableNanos: Nanos;
  /** Never refused: the balance runs below zero and is the price of what was used. */
  readonly unlimited: boolean;
}

/** An entry of the wallet's ledger page. */
export interface LedgerEntry {
  readonly id: string;
  readonly at: Date;
  readonly kind: 'charge' | 'topup' | 'grant' | 'refund' | 'write_off';
  /** Negative for charges; all of them sum up to the balance. */
  readonly amountNanos: Nanos;
  readonly balanceNanos: Nanos;
  readonly requestId: string | null;
  readonly reference: string | null;
  readonly memo: string | null;
}

export interface TopUp {
  readonly creditedNanos: Nanos;
  readonly feeNanos: Nanos;
  /** What the customer pays: credited and fee. */
  readonly chargedNanos: Nanos;
  readonly balanceNanos: Nanos;
  /** The reference was used before; nothing moved this time. */
  readonly repeated: boolean;
}

export interface Credit {
  readonly creditedNanos: Nanos;
  readonly balanceNanos: Nanos;
  readonly repeated: boolean;
}

/**
 * Money in two steps, never edited. Every movement is one row that debits one side and credits another, so the sum over
 * all sides is zero; a wallet is the sum of its rows and is kept beside them in the same commit. Repeating a call with
 * the same key or reference changes nothing and gives what the first one gave. A resolved promise is on the disk.
 *
 * Everything rejects with GatewayError `service_unavailable` when the database cannot be reached: the call may then have
 * happened or not, and repeating it is right.
 */
export interface Ledger {
  /**
   * Keeps money ready before the first upstream byte. Rejects with GatewayError `insufficient_credits` (402) when the
   * wallet has less than that left beside its other holds, `budget_exhausted` (429, `Retry-After` until the month ends)
   * when the key's month has, `not_found` when the account has no wallet. An unlimited account is never refused for its
   * wallet. Safe over any number of processes.
   */
  reserve(ask: ReserveAsk): Promise<Hold>;
  /**
   * Takes what the work cost and gives the rest back. More than was held is taken as far as the wallet reaches without
   * touching other holds; what is still missing is in `uncollectedNanos`. A hold that has ended keeps how it ended,
   * which the receipt says: late work whose hold has expired is not charged. Rejects with GatewayError `not_found` when
   * there is no such hold.
   */
  settle(hold: Pick<Hold, 'id' | 'accountId'>, settlement: Settlement): Promise<Receipt>;
  /** Gives everything back: failed work costs nothing. Otherwise as `settle`. */
  void(hold: Pick<Hold, 'id' | 'accountId'>, record: RequestRecord | null): Promise<Receipt>;
  /**
   * Charges an account whose wallet is never refused, in one step when the work is done: nothing was held before. The
   * same charge key again changes nothing. A wallet that can be refused by now, and cannot pay, is charged nothing; the
   * row is written all the same.
   */
  charge(ask: Omit<ReserveAsk, 'ttlMs' | 'amountNanos' | 'key'>, settlement: Settlement): Promise<Receipt>;
  /** Ends holds that nobody resolved in time, at most a thousand; resolves with how many. Any process may call it at any time. */
  expire(): Promise<number>;
  /**
   * Removes holds that ended before `olderThanMs` (since the Unix epoch), at most `most`; resolves with how many. Their
   * charges stay; their charge keys are forgotten.
   */
  prune(olderThanMs: number, most: number): Promise<number>;
  /** Credits `amountNanos` (above 0) and takes the fee on top, rounded up to a whole nano-dollar. */
  topUp(ask: TopUpAsk, note?: Note<TopUp>): Promise<TopUp>;
  /** Credits without a fee, at the operator's cost. */
  grant(ask: CreditAsk, note?: Note<Credit>): Promise<Credit>;
  /**
   * Gives back all that a request was charged, once; the key's budget stays spent. Rejects with GatewayError `not_found`
   * when the account was charged nothing for such a request.
   */
  refund(ask: RefundAsk, note?: Note<Credit>): Promise<Credit>;
  /** Rejects with GatewayError `not_found` when there is no such account. */
  wallet(accountId: string): Promise<Wallet>;
  /** The wallet's posted entries, newest first. */
  entries(accountId: string, page: PageAsk): Promise<Page<LedgerEntry>>;
  /** What the key has spent and holds in the current month (UTC); zero for a key that never had a budget in it. */
  budget(keyId: string): Promise<{ readonly spentNanos: Nanos; readonly heldNanos: Nanos }>;
}

export interface CreditAsk {
  readonly accountId: string;
  readonly amountNanos: Nanos;
  /** The operator's own name for it: used twice, it counts once. Rejects with `conflict` when the amount differs. */
  readonly reference: string | null;
  readonly memo: string | null;
}

export interface TopUpAsk extends CreditAsk {
  /** Hundredths of a percent: 500 is 5 %. */
  readonly feeBasisPoints: number;
}

export interface RefundAsk {
  readonly accountId: string;
  readonly requestId: string;
  readonly reason: string | null;
}

/** The operator's fee on a top-up: rounded up to a whole nano-dollar. */
export function feeOf(amountNanos: Nanos, basisPoints: number): Nanos {
  const perWhole = 10_000n;
  return (amountNanos * BigInt(basisPoints) + perWhole - 1n) / perWhole;
}
