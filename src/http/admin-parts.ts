import type { AccountStore, PlanStore } from '../auth/account-store.ts';
import type { AuditLog } from '../auth/audit-log.ts';
import type { KeyDirectory } from '../auth/key-directory.ts';
import type { ProviderKeyStore } from '../auth/provider-key-store.ts';
import type { Ledger } from '../metering/ledger.ts';
import type { UsageStore } from '../metering/usage-store.ts';

/** What the routes of accounts and money stand on (`/api/accounts`, `/api/me`, `/api/usage`, …). */
export interface AdminParts {
  readonly accounts: AccountStore;
  readonly plans: PlanStore;
  readonly keys: KeyDirectory;
  readonly providerKeys: ProviderKeyStore;
  readonly audit: AuditLog;
  readonly ledger: Pick<Ledger, 'topUp' | 'grant' | 'refund' | 'wallet' | 'entries' | 'budget'>;
  readonly usage: Pick<UsageStore, 'list' | 'find' | 'sum' | 'reconcile'>;
  /** The operator's fee on top-ups in hundredths of a percent: 500 is 5 %. From 0 to 10,000. */
  readonly topUpFeeBasisPoints: number;
  readonly testProviderKey: TestProviderKey;
  /** Whether accounts may keep a key for a provider of this id. */
  readonly takesKeysFor: (provider: string) => boolean;
  /** The configured providers, the embedded engine among them, as they are now. */
  readonly providers: () => readonly ProviderStatus[];
}

/**
 * Asks the vendor whether the account's key works, with a call that costs nothing or next to it, and notes the outcome in
 * the key's status. Resolves with `isWorking: false` where the vendor refuses the key or cannot be asked. Rejects with
 * GatewayError `not_found` where the account has no key for the provider, `unsupported_value` where none can be opened.
 */
export type TestProviderKey = (accountId: string, provider: string, signal: AbortSignal) => Promise<ProviderKeyTest>;

export interface ProviderKeyTest {
  readonly isWorking: boolean;
  readonly latencyMs: number;
  /** Why it does not work; null: it does. Never the key, and nothing that the vendor wrote around it. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A configured provider at this moment. */
export interface ProviderStatus {
  readonly id: string;
  /** `unavailable`: switched on, and it cannot be asked at all; `degraded`: some of its breakers are not closed. */
  readonly health: 'ready' | 'degraded' | 'unavailable';
  readonly models: readonly ProviderModelStatus[];
}

export interface ProviderModelStatus {
  readonly id: string;
  readonly breaker: 'closed' | 'probing' | 'open';
  /** When an open breaker lets a request through again, in milliseconds from now; null: it is not open. */
  readonly retryAfterMs: number | null;
  /** Of the latest attempts; null: none yet. */
  readonly recent: {
    readonly attempts: number;
    /** 0 to 1. */
    readonly errorShare: number;
    readonly medianLatencyMs: number;
  } | null;
}
