import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/** The tables as kysely sees them; `migrations/` makes them. Money is whole nano-dollars, times are UTC. */
export interface Schema {
  plans: PlansTable;
  accounts: AccountsTable;
  api_keys: ApiKeysTable;
  browser_tokens: BrowserTokensTable;
  provider_keys: ProviderKeysTable;
  master_keys: MasterKeysTable;
  settings: SettingsTable;
  audit_log: AuditLogTable;
  wallets: WalletsTable;
  transfers: TransfersTable;
  holds: HoldsTable;
  key_budgets: KeyBudgetsTable;
  idempotency_keys: IdempotencyKeysTable;
  requests: RequestsTable;
}

/** A time that the database sets where nobody says otherwise. */
type Timestamp = ColumnType<Date, Date | string | undefined, Date | string>;
type OptionalTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** A column with a default. */
type Defaulted<Value> = ColumnType<Value, Value | undefined, Value>;

export interface PlansTable {
  id: string;
  name: string;
  built_in: Defaulted<boolean>;
  transcription: boolean;
  /** `wallet` pays beforehand; `unlimited` is written down and never refused. */
  billing: 'wallet' | 'unlimited';
  allowed_models: string[] | null;
  max_upload_bytes: bigint | null;
  requests_per_minute: number | null;
  audio_seconds_per_minute: number | null;
  max_concurrent: number | null;
  max_live_streams: number | null;
  /** Model or alias → price that goes over the catalogue's. */
  prices: JSONColumnType<object>;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface AccountsTable {
  id: string;
  name: string;
  plan_id: string;
  status: Defaulted<'active' | 'suspended'>;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface ApiKeysTable {
  id: string;
  account_id: string;
  name: string;
  /** The first characters of the key, by which a person finds it again. */
  prefix: string;
  /** SHA-256 in hex. */
  hash: string;
  scopes: string[];
  allowed_models: string[] | null;
  local_only: Defaulted<boolean>;
  monthly_budget_nanos: bigint | null;
  max_price_nanos_per_minute: bigint | null;
  requests_per_minute: number | null;
  audio_seconds_per_minute: number | null;
  max_concurrent: number | null;
  expires_at: OptionalTimestamp;
  last_used_at: OptionalTimestamp;
  revoked_at: OptionalTimestamp;
  created_at: Timestamp;
}

export interface BrowserTokensTable {
  id: string;
  key_id: string;
  hash: string;
  expires_at: ColumnType<Date, Date | string, never>;
  created_at: Timestamp;
}

export interface ProviderKeysTable {
  account_id: string;
  provider: string;
  base_url: string | null;
  /** Nonce, ciphertext and tag of AES-256-GCM. */
  sealed: ColumnType<Uint8Array, Uint8Array, Uint8Array>;
  master_key_id: string;
  last4: string;
  status: Defaulted<'untested' | 'working' | 'refused'>;
  created_at: Timestamp;
  tested_at: OptionalTimestamp;
}

/** Which master keys have ever sealed something; never the keys. */
export interface MasterKeysTable {
  id: string;
  first_used_at: Timestamp;
}

/** What operators set while the server runs. */
export interface SettingsTable {
  name: string;
  value: JSONColumnType<object>;
  updated_at: Timestamp;
}

export interface AuditLogTable {
  id: Generated<bigint>;
  at: Timestamp;
  /** Key that acted; null: the command line on this machine. */
  actor_key_id: string | null;
  action: string;
  account_id: string | null;
  target: string | null;
  details: JSONColumnType<object>;
  request_id: string | null;
}

export interface WalletsTable {
  account_id: string;
  balance: Defaulted<bigint>;
  held: Defaulted<bigint>;
  unlimited: Defaulted<boolean>;
  auto_topup: JSONColumnType<object> | null;
}

export type LedgerSide = 'wallet' | 'revenue' | 'provider_cost' | 'fees' | 'grants' | 'external';
export type TransferKind = 'charge' | 'provider_cost' | 'topup' | 'topup_fee' | 'grant' | 'refund' | 'write_off';

/** One row moves `amount` from the debited to the credited side: the sum over all sides is zero by construction. */
export interface TransfersTable {
  id: Generated<bigint>;
  at: Timestamp;
  kind: TransferKind;
  /** Whose wallet, and for whom the other sides moved. */
  account_id: string;
  debit: LedgerSide;
  credit: LedgerSide;
  amount: bigint;
  /** The wallet after this row; null where it is no side of it. */
  balance_after: bigint | null;
  hold_id: string | null;
  request_id: string | null;
  reference: string | null;
  memo: string | null;
}

export type HoldState = 'pending' | 'settled' | 'voided' | 'expired';

export interface HoldsTable {
  id: string;
  account_id: string;
  charge_key: string;
  amount: bigint;
  state: Defaulted<HoldState>;
  request_id: string | null;
  key_id: string | null;
  /** First day of the month whose budget it counts against; null: the key has none. */
  budget_month: ColumnType<string | null, string | null, never>;
  created_at: Timestamp;
  expires_at: ColumnType<Date, Date | string, never>;
  resolved_at: OptionalTimestamp;
  charged: Defaulted<bigint>;
  uncollected: Defaulted<bigint>;
}

export interface KeyBudgetsTable {
  key_id: string;
  month: ColumnType<string, string, never>;
  spent: Defaulted<bigint>;
  held: Defaulted<bigint>;
}

export interface IdempotencyKeysTable {
  account_id: string;
  key: string;
  /** SHA-256 of what was asked: the same key with another request is a mistake of the caller. */
  request_hash: string;
  request_id: string;
  state: Defaulted<'running' | 'done'>;
  /** What its work is charged as; null: `request_id`. */
  charge_key: string | null;
  reply_status: number | null;
  reply_headers: JSONColumnType<object> | null;
  reply_body: ColumnType<Uint8Array | null, Uint8Array | null | undefined, Uint8Array | null>;
  created_at: Timestamp;
  expires_at: ColumnType<Date, Date | string, Date | string>;
}

export interface RequestsTable {
  id: string;
  at: Timestamp;
  account_id: string;
  key_id: string;
  kind: string;
  model: string;
  routed_model: string | null;
  provider: string | null;
  status: number;
  error_code: string | null;
  audio_ms: bigint;
  billed_ms: bigint;
  probed_ms: bigint | null;
  decoded_ms: bigint | null;
  vendor_ms: bigint | null;
  input_tokens: bigint;
  output_tokens: bigint;
  cost_nanos: bigint;
  provider_cost_nanos: bigint;
  byok: boolean;
  lengths_disagree: Defaulted<boolean>;
  latency_ms: number;
  attempts: JSONColumnType<object[]>;
}
