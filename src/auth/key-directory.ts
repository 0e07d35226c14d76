import type { Note } from '../core/audit-entry.ts';
import type { Nanos } from '../core/money.ts';
import type { Page, PageAsk } from '../core/page.ts';
import type { Account, Plan } from './account-store.ts';
import type { KeyStore } from './key-store.ts';
import type { Scope } from './scopes.ts';

/** What a key is held to, over what its account's plan says. null is no limit of its own. */
export interface KeyPolicy {
  readonly scopes: readonly Scope[];
  readonly allowedModels: readonly string[] | null;
  /** Audio of this key never leaves for a vendor. */
  readonly localOnly: boolean;
  readonly monthlyBudgetNanos: Nanos | null;
  /** Dearer models are passed over. */
  readonly maxPriceNanosPerMinute: Nanos | null;
  readonly requestsPerMinute: number | null;
  readonly audioSecondsPerMinute: number | null;
  readonly maxConcurrent: number | null;
  readonly expiresAt: Date | null;
}

/** A key as it is kept: never in clear. */
export interface ApiKey extends KeyPolicy {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** The first twelve characters, by which a person finds it again. */
  readonly prefix: string;
  readonly createdAt: Date;
  /** To about ten seconds. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Who is asking, with all that decides what is done for them. */
export interface Caller extends KeyPolicy {
  /** Public id of the key, safe to log; never the key or its hash. */
  readonly keyId: string;
  readonly account: Pick<Account, 'id' | 'status'>;
  readonly plan: Plan;
  /** A browser token of the key: it opens live sockets and nothing else. */
  readonly isToken: boolean;
}

/** Every key, with its account and plan. Everything rejects with `service_unavailable` when it cannot look. */
export interface KeyDirectory extends KeyStore {
  /**
   * The caller whose key or browser token has this hash, null when there is none, or it has expired or was revoked. A
   * revoked key is refused at once by this process and within a second by every other.
   */
  findByHash: KeyStore['findByHash'];
  /** Rejects with GatewayError `not_found` when there is no such account. `key` is known at this moment only. */
  create(
    accountId: string,
    name: string,
    policy: KeyPolicy,
    note?: Note<ApiKey>,
  ): Promise<{ readonly key: string; readonly record: ApiKey }>;
  /** The account's keys, revoked ones included, newest first. */
  list(accountId: string, page: PageAsk): Promise<Page<ApiKey>>;
  find(accountId: string, keyId: string): Promise<ApiKey | null>;
  /** The caller whose key has this id, whichever account it belongs to; null when it could not be used now. */
  findCaller(keyId: string): Promise<Caller | null>;
  /** Rejects with `not_found`, also for a revoked key. */
  update(
    accountId: string,
    keyId: string,
    change: Partial<KeyPolicy> & { readonly name?: string },
    note?: Note<ApiKey>,
  ): Promise<ApiKey>;
  /** Rejects with `not_found`; a key that was revoked stays so. */
  revoke(accountId: string, keyId: string, note?: Note): Promise<void>;
  /** A token for browsers that lives for 1 to 3,600 seconds. Rejects with `not_found` for a key that cannot be used. */
  mintToken(
    accountId: string,
    keyId: string,
    ttlSeconds: number,
    note?: Note<Date>,
  ): Promise<{ readonly token: string; readonly expiresAt: Date }>;
  /** Removes expired tokens, at most a thousand. */
  pruneTokens(): Promise<number>;
  /** Writes down what was used and stops listening. */
  close(): Promise<void>;
}
