import { type Kysely, sql } from 'kysely';
import type { Hold, HoldState, Receipt, ReserveAsk } from '../metering/ledger.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import { type HoldKeeper, maxBatch, maxWaiting, type ReserveOutcome, type Resolution } from './hold-keeper.ts';
import { newId } from './new-id.ts';
import { requestJson } from './request-row.ts';
import type { Schema } from './schema.ts';

/** A hold that is made and ended at once. */
interface Charge {
  readonly ask: ReserveAsk;
  readonly resolution: Resolution;
}

type ReserveResult = { readonly outcome: ReserveOutcome; readonly hold: Hold };

/** Two: while one batch waits for the disk, the next runs. */
const batchesAtOnce = 2;

/** Holds as rows, for any number of processes: each step is a statement for all requests that arrived together. */
export function createDatabaseHolds(db: Kysely<Schema>): HoldKeeper {
  const options = { maxItems: maxBatch, concurrency: batchesAtOnce, maxWaiting };
  const reserves: Batcher<ReserveAsk, ReserveResult> = createBatcher({
    ...options,
    run: (asks) => reserveAll(db, asks),
  });
  const resolutions: Batcher<Resolution, Receipt | null> = createBatcher({
    ...options,
    run: (items) => resolveAll(db, items),
  });
  const charges: Batcher<Charge, Receipt | null> = createBatcher({ ...options, run: (items) => chargeAll(db, items) });
  return {
    reserve: (ask) => reserves.add(ask),
    resolve: (resolution) => resolutions.add(resolution),
    charge: (ask, resolution) => charges.add({ ask, resolution }),
    async expire(most) {
      const { rows } = await sql<{ count: number }>`select ledger_expire(${most}) as count`.execute(db);
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
    heldInMemory: () => 0n,
    heldInMemoryByKey: () => 0n,
    async idle() {
      await Promise.all([reserves.idle(), resolutions.idle(), charges.idle()]);
    },
  };
}

async function reserveAll(db: Kysely<Schema>, asks: readonly ReserveAsk[]): Promise<readonly ReserveResult[]> {
  const json = asks.map((ask, n) => reserveJson(ask, n, newId('hold')));
  const { rows } = await sql<{
    o_n: number;
    o_outcome: ReserveOutcome;
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
