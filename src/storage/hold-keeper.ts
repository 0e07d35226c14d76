import { hash } from 'node:crypto';
import type { Nanos } from '../core/money.ts';
import type { Hold, Receipt, ReserveAsk } from '../metering/ledger.ts';
import type { RequestRecord } from '../metering/usage-store.ts';

export type ReserveOutcome = 'reserved' | 'existing' | 'no_wallet' | 'insufficient_credits' | 'budget_exhausted';

/** How a hold is to end. */
export interface Resolution {
  readonly hold: Pick<Hold, 'id' | 'accountId'>;
  readonly state: 'settled' | 'voided';
  readonly costNanos: Nanos;
  readonly providerCostNanos: Nanos;
  readonly record: RequestRecord | null;
}

/** Where holds are kept: in the database that processes share, or in the memory of the one process that has it. */
export interface HoldKeeper {
  reserve(ask: ReserveAsk): Promise<{ readonly outcome: ReserveOutcome; readonly hold: Hold }>;
  /** null: there is no such hold. */
  resolve(resolution: Resolution): Promise<Receipt | null>;
  /** A hold that is made and ended at once, of what `resolution` costs; `ask` names it. null: the wallet cannot pay. */
  charge(ask: ReserveAsk, resolution: Resolution): Promise<Receipt | null>;
  expire(most: number): Promise<number>;
  prune(olderThanMs: number, most: number): Promise<number>;
  /** What is held beyond what the database says. */
  heldInMemory(accountId: string): Nanos;
  heldInMemoryByKey(keyId: string): Nanos;
  idle(): Promise<void>;
}

/** Requests that share one statement. More would hold a busy wallet's lock for longer than a few milliseconds. */
export const maxBatch = 200;
/** Some seconds of work at the rates that bench/ledger.ts measures; beyond it the answer is 503 with `Retry-After`. */
export const maxWaiting = 10_000;

/** The same for the same charge key, so that trying again finds what the first try made. */
export function holdIdOf(accountId: string, chargeKey: string): string {
  return `hold_${hash('sha256', JSON.stringify([accountId, chargeKey]), 'base64url').slice(0, 24)}`;
}
