import type { Note } from '../core/audit-entry.ts';
import type { Secret } from '../core/secret.ts';

/** A vendor's key of an account, as it may be shown. */
export interface ProviderKey {
  readonly accountId: string;
  readonly provider: string;
  readonly baseUrl: string | null;
  readonly last4: string;
  readonly status: 'untested' | 'working' | 'refused';
  readonly createdAt: Date;
  readonly testedAt: Date | null;
}

/**
 * Vendor keys of accounts, sealed. Everything rejects with GatewayError `service_unavailable` when it cannot look, and
 * `put` and `open` with `unsupported_value` where the server has no master key.
 */
export interface ProviderKeyStore {
  /** Sets or replaces the account's key for a provider; it is untested then. Rejects with `not_found` without the account. */
  put(
    accountId: string,
    provider: string,
    key: Secret,
    baseUrl: string | null,
    note?: Note<ProviderKey>,
  ): Promise<ProviderKey>;
  /** By provider; at most 200. */
  list(accountId: string): Promise<readonly ProviderKey[]>;
  /** The key itself, for a call to the vendor; null when the account has none. */
  open(accountId: string, provider: string): Promise<{ readonly key: Secret; readonly baseUrl: string | null } | null>;
  /** What a test or a request found out. */
  setStatus(accountId: string, provider: string, status: 'working' | 'refused'): Promise<void>;
  /** Rejects with `not_found` when there is none. */
  remove(accountId: string, provider: string, note?: Note): Promise<void>;
  /** Seals what older master keys sealed under the first one; resolves with how many. Safe to repeat and to interrupt. */
  reseal(): Promise<number>;
}
