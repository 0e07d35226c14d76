import type { Note } from '../core/audit-entry.ts';
import type { Nanos } from '../core/money.ts';
import type { Page, PageAsk } from '../core/page.ts';

/** Who pays: keys, a wallet and a plan belong to it. Accounts are suspended, never removed: their ledger stays. */
export interface Account {
  readonly id: string;
  readonly name: string;
  readonly planId: string;
  readonly status: 'active' | 'suspended';
  readonly createdAt: Date;
}

/** Where accounts are kept; `storage` implements it. Everything rejects with `service_unavailable` when it cannot look. */
export interface AccountStore {
  /** Makes an account with an empty wallet. Rejects with GatewayError `not_found` (`plan`) for a plan that is not there. */
  create(account: { readonly name: string; readonly planId: string }, note?: Note<Account>): Promise<Account>;
  /** null when there is none. */
  find(id: string): Promise<Account | null>;
  /** Newest first. */
  list(page: PageAsk): Promise<Page<Account>>;
  /**
   * Changes what is given. An account that leaves an unlimited plan with a balance below zero starts at zero: the
   * difference is written off. Rejects with `not_found`, for a plan that is not there with `plan`.
   */
  update(id: string, change: AccountChange, note?: Note<Account>): Promise<Account>;
}

export interface AccountChange {
  readonly name?: string;
  readonly planId?: string;
  readonly status?: 'active' | 'suspended';
}

/** What an account may do and how it pays. null is no limit. */
export interface Plan {
  readonly id: string;
  readonly name: string;
  /** Ships with the product: it can be changed, not removed. */
  readonly builtIn: boolean;
  /** false: every transcription is refused with `premium_locked`. */
  readonly transcription: boolean;
  /** `wallet` pays beforehand; `unlimited` is written down and never refused. */
  readonly billing: 'wallet' | 'unlimited';
  readonly allowedModels: readonly string[] | null;
  readonly maxUploadBytes: number | null;
  readonly requestsPerMinute: number | null;
  readonly audioSecondsPerMinute: number | null;
  readonly maxConcurrent: number | null;
  readonly maxLiveStreams: number | null;
  /** By model or alias: goes over the catalogue's price. */
  readonly prices: Readonly<Record<string, PlanPrice>>;
}

export interface PlanPrice {
  readonly nanosPerMinute: Nanos;
  /** Shorter audio is billed as this many milliseconds. */
  readonly minimumMs: number;
  /** For live sockets; null: as above. */
  readonly liveNanosPerMinute: Nanos | null;
}

export interface PlanStore {
  /** All plans, at most a thousand, by id. */
  list(): Promise<readonly Plan[]>;
  find(id: string): Promise<Plan | null>;
  /** Rejects with GatewayError `conflict` (`id`) when there is one of this id, or there are a thousand. */
  create(plan: Omit<Plan, 'builtIn'>, note?: Note<Plan>): Promise<Plan>;
  /** Rejects with `not_found`. How a plan bills can be changed only while no account has it: `conflict` (`billing`). */
  update(id: string, change: Partial<Omit<Plan, 'id' | 'builtIn'>>, note?: Note<Plan>): Promise<Plan>;
}
