import type { Nanos } from '../core/money.ts';
import type { Page, PageAsk } from '../core/page.ts';

/** One request as it is kept: never its audio, text or file name. Lengths are milliseconds. */
export interface RequestRecord {
  readonly id: string;
  /** Milliseconds since the Unix epoch, when the request arrived. */
  readonly atMs: number;
  readonly accountId: string;
  readonly keyId: string;
  readonly kind: 'transcription' | 'translation' | 'live' | 'job' | 'speech';
  /** As the caller wrote it. */
  readonly model: string;
  readonly routedModel: string | null;
  readonly provider: string | null;
  /** HTTP status. */
  readonly status: number;
  readonly errorCode: string | null;
  /** The length that was billed by; of the three below it is the one that was believed. */
  readonly audioMs: number;
  readonly billedMs: number;
  /** From the packets, from the decoder, from the vendor's answer; null: not known. */
  readonly probedMs: number | null;
  readonly decodedMs: number | null;
  readonly vendorMs: number | null;
  /** They are further apart than rounding explains; left out: they are not. */
  readonly lengthsDisagree?: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: Nanos;
  readonly providerCostNanos: Nanos;
  /** Sent with the account's own vendor key. */
  readonly byok: boolean;
  readonly latencyMs: number;
  readonly attempts: readonly AttemptRecord[];
}

export interface AttemptRecord {
  readonly provider: string;
  readonly model: string;
  /** `ok` or an error code. */
  readonly outcome: string;
  readonly latencyMs: number;
  readonly reason?: string;
}

export type UsageGroup = 'day' | 'model' | 'provider' | 'key' | 'account' | 'status';

export interface UsageAsk {
  /** Milliseconds since the Unix epoch; from is included, to is not. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly accountId: string | null;
  readonly keyId: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  /** At least one, in the order of the reply. */
  readonly groupBy: readonly UsageGroup[];
}

/** The sums of one group. */
export interface UsageRow {
  /** One value for each of `groupBy`; null where a request has none, such as a provider. Days as `2026-11-21`, in UTC. */
  readonly groups: Readonly<Partial<Record<UsageGroup, string | null>>>;
  readonly requests: number;
  /** Requests with a status of 400 or more. */
  readonly errors: number;
  readonly audioMs: number;
  readonly billedMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: Nanos;
  readonly providerCostNanos: Nanos;
}

/** How the lengths of a provider's and model's requests agree. All of them are successful ones. */
export interface ReconcileRow {
  readonly provider: string | null;
  readonly routedModel: string | null;
  readonly requests: number;
  readonly audioMs: number;
  readonly billedMs: number;
  readonly probedMs: number;
  /** Requests whose sound was decoded here whole, and the sum of those lengths. */
  readonly decodedRequests: number;
  readonly decodedMs: number;
  /** Requests for which the vendor gave a length, the sum of those lengths, and our own for the same requests. */
  readonly vendorRequests: number;
  readonly vendorMs: number;
  readonly audioMsOfVendorRequests: number;
  /** Requests in which two of the known lengths are further apart than the tolerance. */
  readonly disagreements: number;
}

export interface ReconcileAsk {
  /** Milliseconds since the Unix epoch; from is included, to is not. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly toleranceMs: number;
}

export interface RequestFilter {
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly accountId: string | null;
  readonly keyId: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  /** Only failures. */
  readonly failedOnly: boolean;
}

/** What was asked of us, row by row and in sums. */
export interface UsageStore {
  /**
   * Keeps a request that never had a hold, such as a refused one; those with a hold are kept with its settlement. Rows
   * wait up to a second for company and are no part of any promise: a crash may lose the last second of refusals.
   */
  record(record: RequestRecord): void;
  /** Resolves when everything recorded so far is kept. */
  flush(): Promise<void>;
  /** Newest first. */
  list(filter: RequestFilter, page: PageAsk): Promise<Page<RequestRecord>>;
  /** null when there is none. `accountId` restricts it to one account; null: any. */
  find(id: string, accountId: string | null): Promise<RequestRecord | null>;
  /** Sums, ordered by the groups, in pages of up to 200 groups (or `limit` up to 10,000 for an export). */
  sum(ask: UsageAsk, page: PageAsk): Promise<Page<UsageRow>>;
  /** Billed against probed, decoded and vendor-reported lengths, by provider and model; at most a thousand rows. */
  reconcile(ask: ReconcileAsk): Promise<readonly ReconcileRow[]>;
  /** Removes at most `most` rows older than the retention; resolves with how many. */
  prune(olderThanMs: number, most: number): Promise<number>;
}
