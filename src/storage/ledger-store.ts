import { hash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { GatewayError } from '../core/errors.ts';
import type { Nanos } from '../core/money.ts';
import { invalidCursor, type PageAsk, pageOf, readCursor } from '../core/page.ts';
import type { Hold, HoldState, Ledger, LedgerEntry, Receipt, ReserveAsk } from '../metering/ledger.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import type { Database } from './database.ts';
import { checkAmount, grant, noAccount, refund, topUp } from './ledger-credit.ts';
import { newId } from './new-id.ts';
import { requestJson } from './request-row.ts';
import type { Schema, TransferKind } from './schema.ts';

/** A ledger in the database, for requests that come in crowds. */
export interface LedgerStore extends Ledger {
  /** Resolves when no call is under way. */
  idle(): Promise<void>;
}

/** Requests that share one statement. More would hold a busy wallet's lock for longer than a few milliseconds. */
const maxBatch = 200;
/** Two batches on PostgreSQL: while one waits for the disk, the next runs. The embedded database has one connection. */
const batchesAtOnce = { embedded: 1, postgres: 2 };
/** Some seconds of work at the rates that bench/ledger.ts measures; beyond it the answer is 503 with `Retry-After`. */
const maxWaiting = 10_000;
const maxExpired = 1_000;
/** A hold that ends in the commit that makes it has no time to expire. */
const atOnceTtlMs = 60_000;
interface Resolution {
  readonly hold: Pick<Hold, 'id' | 'accountId'>;
  readonly state: 'settled' | 'voided';
  readonly costNanos: Nanos;
  readonly providerCostNanos: Nanos;
  readonly record: RequestRecord | null;
}

/** A hold that is made and ended at once. */
interface Charge {
  readonly ask: ReserveAsk;
  readonly resolution: Resolution;
}

type Outcome = 'reserved' | 'existing' | 'no_wallet' | 'insufficient_credits' | 'budget_exhausted';
type ReserveResult = { readonly outcome: Outcome; readonly hold: Hold };

export function createLedgerStore({ db, kind }: Database): LedgerStore {
  const concurrency = batchesAtOnce[kind];
  const reserves: Batcher<ReserveAsk, ReserveResult> = createBatcher({
    run: (asks) => reserveAll(db, asks),
    maxItems: maxBatch,
    concurrency,
    maxWaiting,
  });
  const resolutions: Batcher<Resolution, Receipt | null> = createBatcher({
    run: (items) => resolveAll(db, items),
    maxItems: maxBatch,
    concurrency,
    maxWaiting,
  });
  const charges: Batcher<Charge, Receipt | null> = createBatcher({
    run: (items) => chargeAll(db, items),
    maxItems: maxBatch,
    concurrency,
    maxWaiting,
  });
  const resolve = async (resolution: Resolution): Promise<Receipt> => {
    const receipt = await resolutions.add(resolution);
    if (receipt === null) throw new GatewayError('not_found', 'There is no such hold.');
    return receipt;
  };

  return {
    async reserve(ask) {
      checkAmount(ask.amountNanos, 0n);
      if (!Number.isInteger(ask.ttlMs) || ask.ttlMs < 1) throw new RangeError(`not a time to live: ${ask.ttlMs} ms`);
      const { outcome, hold } = await reserves.add(ask);
      if (outcome === 'insufficient_credits') {
        throw new GatewayError('insufficient_credits', 'The wallet cannot pay for this request. Top it up.');
      }
      if (outcome === 'budget_exhausted') {
        throw new GatewayError('budget_exhausted', "The key's budget for this month is spent or held.", {
          retryAfterSeconds: secondsUntilNextMonth(Date.now()),
        });
      }
      if (outcome === 'no_wallet') throw noAccount();
      return hold;
    },
    async settle(hold, { costNanos, providerCostNanos, record }) {
      checkAmount(costNanos, 0n);
      checkAmount(providerCostNanos, 0n);
      return resolve({ hold, state: 'settled', costNanos, providerCostNanos, record });
    },
    void: (hold, record) => resolve({ hold, state: 'voided', costNanos: 0n, providerCostNanos: 0n, record }),
    async charge({ accountId, chargeKey, requestId }, { costNanos, providerCostNanos, record }) {
      checkAmount(costNanos, 0n);
      checkAmount(providerCostNanos, 0n);
      const hold = { id: holdIdOf(accountId, chargeKey), accountId };
      const ask = { accountId, chargeKey, amountNanos: costNanos, ttlMs: atOnceTtlMs, requestId, key: null };
      const resolution = { hold, state: 'settled' as const, costNanos, providerCostNanos, record };
      const receipt = await charges.add({ ask, resolution });
      return receipt ?? { state: 'voided', chargedNanos: 0n, uncollectedNanos: costNanos, balanceNanos: 0n };
    },
    async expire() {
      const { rows } = await sql<{ count: number }>`select ledger_expire(${maxExpired}) as count`.execute(db);
      return rows[0]?.count ?? 0;
    },
    async prune(olderThanMs, most) {
      const { numDeletedRows } = await db
        .deleteFrom('holds')
        .where('id', 'in', (query) =>
          query
            .selectFrom('holds')
            .select('id')
            .where('state', '<>', 'pending')
            .where('resolved_at', '<', new Date(olderThanMs))
            .orderBy('resolved_at')
            .limit(most),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
    topUp: (ask, note) => topUp(db, ask, note),
    grant: (ask, note) => grant(db, ask, note),
    refund: (ask, note) => refund(db, ask, note),
    async wallet(accountId) {
      const row = await db.selectFrom('wallets').selectAll().where('account_id', '=', accountId).executeTakeFirst();
      if (!row) throw noAccount();
      const { balance, held, unlimited } = row;
      return { balanceNanos: balance, heldNanos: held, availableNanos: balance - held, unlimited };
    },
    entries: (accountId, page) => entries(db, accountId, page),
    async budget(keyId) {
      const row = await db
        .selectFrom('key_budgets')
        .select(['spent', 'held'])
        .where('key_id', '=', keyId)
        .where('month', '=', sql<string>`date_trunc('month', now() at time zone 'UTC')::date`)
        .executeTakeFirst();
      return { spentNanos: row?.spent ?? 0n, heldNanos: row?.held ?? 0n };
    },
    async idle() {
      await Promise.all([reserves.idle(), resolutions.idle(), charges.idle()]);
    },
  };
}

async function reserveAll(db: Kysely<Schema>, asks: readonly ReserveAsk[]): Promise<readonly ReserveResult[]> {
  const json = asks.map((ask, n) => reserveJson(ask, n, newId('hold')));
  const { rows } = await sql<{
    o_n: number;
    o_outcome: Outcome;
    o_hold_id: string;
    o_amount: bigint;
    o_state: HoldState;
    o_expires_at: Date;
  }>`select * from ledger_reserve(${JSON.stringify(json)}::jsonb)`.execute(db);
  const results = new Array<ReserveResult>(asks.length);
  for (const row of rows) {
    const hold: Hold = {
      id: row.o_hold_id,
      accountId: asks[row.o_n]!.accountId,
      amountNanos: row.o_amount,
      state: row.o_state,
      expiresAtMs: row.o_expires_at.getTime(),
      repeated: row.o_outcome === 'existing',
    };
    results[row.o_n] = { outcome: row.o_outcome, hold };
  }
  return results;
}

async function resolveAll(db: Kysely<Schema>, items: readonly Resolution[]): Promise<readonly (Receipt | null)[]> {
  const { rows } = await sql<ResolvedRow>`
    select * from ledger_resolve(${JSON.stringify(items.map(resolveJson))}::jsonb)`.execute(db);
  return receiptsOf(rows, items.length);
}

async function chargeAll(db: Kysely<Schema>, items: readonly Charge[]): Promise<readonly (Receipt | null)[]> {
  const asks = items.map(({ ask, resolution }, n) => reserveJson(ask, n, resolution.hold.id));
  const resolutions = items.map(({ resolution }, n) => resolveJson(resolution, n));
  const { rows } = await sql<ResolvedRow>`
    select * from ledger_charge(${JSON.stringify(asks)}::jsonb, ${JSON.stringify(resolutions)}::jsonb)`.execute(db);
  return receiptsOf(rows, items.length);
}

function reserveJson(ask: ReserveAsk, n: number, holdId: string) {
  return {
    n,
    hold_id: holdId,
    account_id: ask.accountId,
    charge_key: ask.chargeKey,
    amount: ask.amountNanos.toString(),
    ttl_ms: ask.ttlMs,
    request_id: ask.requestId,
    key_id: ask.key?.id ?? null,
    budget: ask.key?.budgetNanos?.toString() ?? null,
  };
}

function resolveJson({ hold, state, costNanos, providerCostNanos, record }: Resolution, n: number) {
  return {
    n,
    hold_id: hold.id,
    account_id: hold.accountId,
    state,
    cost: costNanos.toString(),
    provider_cost: providerCostNanos.toString(),
    record: record === null ? null : requestJson(record),
  };
}

interface ResolvedRow {
  readonly o_n: number;
  readonly o_state: Receipt['state'] | null;
  readonly o_charged: bigint;
  readonly o_uncollected: bigint;
  readonly o_balance: bigint;
}

function receiptsOf(rows: readonly ResolvedRow[], count: number): readonly (Receipt | null)[] {
  const results = new Array<Receipt | null>(count).fill(null);
  for (const row of rows) {
    if (row.o_state === null) continue;
    results[row.o_n] = {
      state: row.o_state,
      chargedNanos: row.o_charged,
      uncollectedNanos: row.o_uncollected,
      balanceNanos: row.o_balance,
    };
  }
  return results;
}

async function entries(db: Kysely<Schema>, accountId: string, { limit, cursor }: PageAsk) {
  const [after] = readCursor(cursor, 1) ?? [];
  if (after !== undefined && !/^\d{1,18}$/.test(after)) throw invalidCursor();
  const rows = await db
    .selectFrom('transfers')
    .select(['id', 'at', 'kind', 'debit', 'amount', 'balance_after', 'request_id', 'reference', 'memo'])
    .where('account_id', '=', accountId)
    .where('balance_after', 'is not', null)
    .$if(after !== undefined, (query) => query.where('id', '<', BigInt(after ?? 0)))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(
    rows,
    limit,
    (row) => [row.id.toString()],
    (row): LedgerEntry => ({
      id: `txn_${row.id}`,
      at: row.at,
      kind: entryKind(row.kind),
      amountNanos: row.debit === 'wallet' ? -row.amount : row.amount,
      balanceNanos: row.balance_after ?? 0n,
      requestId: row.request_id,
      reference: row.reference,
      memo: row.memo,
    }),
  );
}

/** The same for the same charge key, so that trying again finds what the first try made. */
function holdIdOf(accountId: string, chargeKey: string): string {
  return `hold_${hash('sha256', JSON.stringify([accountId, chargeKey]), 'base64url').slice(0, 24)}`;
}

function entryKind(kind: TransferKind): LedgerEntry['kind'] {
  if (kind === 'provider_cost' || kind === 'topup_fee') throw new Error(`a transfer of ${kind} touches no wallet`);
  return kind;
}

/** Budgets start anew with the month, in UTC. */
function secondsUntilNextMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Math.max(1, Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1) - nowMs) / 1000));
}
