import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Account, AccountStore } from '../auth/account-store.ts';
import { GatewayError } from '../core/errors.ts';
import type { Nanos } from '../core/money.ts';
import { type PageAsk, pageOf } from '../core/page.ts';
import { noted } from './audit-log.ts';
import type { Database } from './database.ts';
import { announceChange } from './key-changes.ts';
import { credit } from './ledger-credit.ts';
import { newId } from './new-id.ts';
import type { AccountsTable, Schema } from './schema.ts';
import { readTimeCursor } from './time-cursor.ts';

export function createAccountStore(database: Database): AccountStore {
  const { db, book } = database;
  return {
    create: (account, note) => noted(db, note, (transaction) => insertAccount(transaction, newId('acc'), account)),
    async find(id) {
      const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? accountOf(row) : null;
    },
    list: (page) => list(db, page),
    async update(id, change, note) {
      const work = (reserved: Nanos) =>
        noted(db, note, async (transaction) => {
          const { name, planId, status } = change;
          if (planId !== undefined)
            await changeBilling(transaction, id, await billingOf(transaction, planId), reserved);
          const row = await transaction
            .updateTable('accounts')
            .set({
              ...(name !== undefined && { name }),
              ...(planId !== undefined && { plan_id: planId }),
              ...(status !== undefined && { status }),
              updated_at: sql`now()`,
            })
            .where('id', '=', id)
            .returningAll()
            .executeTakeFirst();
          if (!row) throw new GatewayError('not_found', 'There is no such account.');
          return accountOf(row);
        });
      const account = await (book ? book.change(id, work) : work(0n));
      await announceChange(database, { account: id });
      return account;
    },
  };
}

/** The account with its wallet; also for the import of the first key, whose account has a known id. */
export async function insertAccount(
  transaction: Transaction<Schema>,
  id: string,
  { name, planId }: { readonly name: string; readonly planId: string },
): Promise<Account> {
  const unlimited = (await billingOf(transaction, planId)) === 'unlimited';
  const row = await transaction
    .insertInto('accounts')
    .values({ id, name, plan_id: planId })
    .returningAll()
    .executeTakeFirstOrThrow();
  await transaction.insertInto('wallets').values({ account_id: id, unlimited }).execute();
  return accountOf(row);
}

async function billingOf(transaction: Transaction<Schema>, planId: string): Promise<'wallet' | 'unlimited'> {
  // Shared lock: the plan's billing cannot change while an account moves to it.
  const plan = await transaction
    .selectFrom('plans')
    .select('billing')
    .where('id', '=', planId)
    .forShare()
    .executeTakeFirst();
  if (!plan) throw new GatewayError('not_found', 'There is no such plan.', { param: 'plan' });
  return plan.billing;
}

/**
 * What an unlimited account owes is nobody's debt: the operator's own use, at list prices. `reserved` is what lies on the
 * wallet beside what its row says.
 */
async function changeBilling(
  transaction: Transaction<Schema>,
  id: string,
  billing: 'wallet' | 'unlimited',
  reserved: Nanos,
) {
  const wallet = await transaction
    .selectFrom('wallets')
    .selectAll()
    .where('account_id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!wallet || wallet.unlimited === (billing === 'unlimited')) return;
  const available = wallet.balance - wallet.held - reserved;
  if (billing === 'wallet' && available < 0n) {
    const memo = 'used under an unlimited plan';
    await credit(transaction, 'write_off', { accountId: id, amountNanos: -available, reference: null, memo }, null);
  }
  await transaction
    .updateTable('wallets')
    .set({ unlimited: billing === 'unlimited' })
    .where('account_id', '=', id)
    .execute();
}

async function list(db: Kysely<Schema>, { limit, cursor }: PageAsk) {
  const place = readTimeCursor(cursor);
  const rows = await db
    .selectFrom('accounts')
    .selectAll()
    .$if(place !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${place?.at}::timestamptz, ${place?.id})`),
    )
    .select(sql<string>`created_at::text`.as('cursor_at'))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, (row) => [row.cursor_at, row.id], accountOf);
}

function accountOf(row: Selectable<AccountsTable>): Account {
  return { id: row.id, name: row.name, planId: row.plan_id, status: row.status, createdAt: row.created_at };
}
