import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { GatewayError } from '../core/errors.ts';
import { invalidCursor, type PageAsk, pageOf, readCursor } from '../core/page.ts';
import type { Ledger, LedgerEntry, Receipt } from '../metering/ledger.ts';
import type { Database } from './database.ts';
import { createDatabaseHolds } from './database-holds.ts';
import { holdIdOf, type Resolution } from './hold-keeper.ts';
import { checkAmount, grant, noAccount, refund, topUp } from './ledger-credit.ts';
import { createMemoryHolds } from './memory-holds.ts';
import type { Schema, TransferKind } from './schema.ts';

/** A ledger in the database, for requests that come in crowds. */
export interface LedgerStore extends Ledger {
  /** Resolves when no call is under way. */
  idle(): Promise<void>;
}

const maxExpired = 1_000;
/** A hold that ends in the commit that makes it has no time to expire. */
const atOnceTtlMs = 60_000;

export function createLedgerStore(database: Database): LedgerStore {
  const { db, book } = database;
  const holds = book ? createMemoryHolds(db, book) : createDatabaseHolds(db);
  const resolve = async (resolution: Resolution): Promise<Receipt> => {
    const receipt = await holds.resolve(resolution);
    if (receipt === null) throw new GatewayError('not_found', 'There is no such hold.');
    return receipt;
  };
  /** What changes a wallet beside the holds in memory tells them. */
  const changing = <Value>(accountId: string, work: () => Promise<Value>): Promise<Value> =>
    book ? book.change(accountId, work) : work();

  return {
    async reserve(ask) {
      checkAmount(ask.amountNanos, 0n);
      if (!Number.isInteger(ask.ttlMs) || ask.ttlMs < 1) throw new RangeError(`not a time to live: ${ask.ttlMs} ms`);
      const { outcome, hold } = await holds.reserve(ask);
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
      const receipt = await holds.charge(ask, resolution);
      return receipt ?? { state: 'voided', chargedNanos: 0n, uncollectedNanos: costNanos, balanceNanos: 0n };
    },
    expire: () => holds.expire(maxExpired),
    prune: (olderThanMs, most) => holds.prune(olderThanMs, most),
    topUp: (ask, note) => changing(ask.accountId, () => topUp(db, ask, note)),
    grant: (ask, note) => changing(ask.accountId, () => grant(db, ask, note)),
    refund: (ask, note) => changing(ask.accountId, () => refund(db, ask, note)),
    async wallet(accountId) {
      await database.settled();
      const row = await db.selectFrom('wallets').selectAll().where('account_id', '=', accountId).executeTakeFirst();
      if (!row) throw noAccount();
      const { balance, unlimited } = row;
      const held = row.held + holds.heldInMemory(accountId);
      return { balanceNanos: balance, heldNanos: held, availableNanos: balance - held, unlimited };
    },
    async entries(accountId, page) {
      await database.settled();
      return entries(db, accountId, page);
    },
    async budget(keyId) {
      await database.settled();
      const row = await db
        .selectFrom('key_budgets')
        .select(['spent', 'held'])
        .where('key_id', '=', keyId)
        .where('month', '=', sql<string>`date_trunc('month', now() at time zone 'UTC')::date`)
        .executeTakeFirst();
      return { spentNanos: row?.spent ?? 0n, heldNanos: (row?.held ?? 0n) + holds.heldInMemoryByKey(keyId) };
    },
    async idle() {
      await holds.idle();
    },
  };
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

function entryKind(kind: TransferKind): LedgerEntry['kind'] {
  if (kind === 'provider_cost' || kind === 'topup_fee') throw new Error(`a transfer of ${kind} touches no wallet`);
  return kind;
}

/** Budgets start anew with the month, in UTC. */
function secondsUntilNextMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Math.max(1, Math.ceil((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1) - nowMs) / 1000));
}
