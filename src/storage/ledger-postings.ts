import { CompiledQuery, type Kysely } from 'kysely';
import { formatDollars, type Nanos } from '../core/money.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import type { BookedBudget, BookedWallet, HoldBook } from './hold-book.ts';
import { requestJson } from './request-row.ts';
import type { Schema } from './schema.ts';

/** A charge that is decided and has to be written. Its wallet has `charge` among what is queued. */
export interface Posting {
  readonly holdId: string;
  readonly wallet: BookedWallet;
  readonly budget: BookedBudget | null;
  readonly requestId: string | null;
  readonly charge: Nanos;
  /** What the wallet could not pay: said on the charge's row. */
  readonly uncollectedNanos: Nanos;
  readonly providerCostNanos: Nanos;
  readonly record: RequestRecord | null;
}

const statement = `select ledger_post(
  $1::text[], $2::bigint[], $3::bigint[],
  $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[],
  $13::text[], $14::date[], $15::bigint[], $16::json)`;

/**
 * Writes all of them in one commit. Where the database refuses that, because somebody else has changed a wallet, say, it
 * is asked what it has, and they are written one by one. Resolves with what each failed with, null for each that is
 * written.
 */
export function postAll(db: Kysely<Schema>, book: HoldBook, postings: readonly Posting[]): Promise<readonly unknown[]> {
  return book.exclusive(async () => {
    try {
      await write(db, postings);
      return postings.map(() => null);
    } catch (thrown) {
      if (!(thrown instanceof Error && 'constraint' in thrown)) throw thrown;
      await book.reload([...new Set(postings.map(({ wallet }) => wallet))]);
      const failures: unknown[] = [];
      for (const posting of postings) failures.push(await failureOf(write(db, [posting])));
      return failures;
    }
  });
}

async function write(db: Kysely<Schema>, postings: readonly Posting[]): Promise<void> {
  const balances = new Map<BookedWallet, Nanos>();
  const vendorCosts = new Map<string, Nanos>();
  const rows: TransferColumns[] = [];
  const budgets = new Map<BookedBudget, Nanos>();
  const records: unknown[] = [];
  for (const { holdId, wallet, budget, requestId, charge, uncollectedNanos, ...more } of postings) {
    const { accountId } = wallet;
    if (charge > 0n) {
      const balance = (balances.get(wallet) ?? wallet.posted) - charge;
      balances.set(wallet, balance);
      const memo = uncollectedNanos > 0n ? `the wallet lacked $${formatDollars(uncollectedNanos)}` : null;
      rows.push(['charge', accountId, 'wallet', 'revenue', `${charge}`, `${balance}`, holdId, requestId, memo]);
      if (budget) budgets.set(budget, (budgets.get(budget) ?? 0n) + charge);
    }
    const { providerCostNanos, record } = more;
    if (providerCostNanos > 0n) vendorCosts.set(accountId, (vendorCosts.get(accountId) ?? 0n) + providerCostNanos);
    if (record) records.push(requestJson(record));
  }
  for (const [accountId, cost] of vendorCosts) {
    rows.push(['provider_cost', accountId, 'provider_cost', 'external', `${cost}`, null, null, null, null]);
  }
  const wallets = [...balances.keys()];
  await db.executeQuery(
    CompiledQuery.raw(statement, [
      wallets.map(({ accountId }) => accountId),
      wallets.map(({ posted }) => `${posted}`),
      [...balances.values()].map(String),
      ...columnsOf(rows),
      [...budgets.keys()].map(({ keyId }) => keyId),
      [...budgets.keys()].map(({ month }) => month),
      [...budgets.values()].map(String),
      records.length === 0 ? null : JSON.stringify(records),
    ]),
  );
  for (const [wallet, balance] of balances) wallet.posted = balance;
  for (const { wallet, charge } of postings) wallet.queued -= charge;
}

/** kind, account, debit, credit, amount, balance after it, hold, request, memo. */
type TransferColumns = readonly [
  string,
  string,
  string,
  string,
  string,
  string | null,
  string | null,
  string | null,
  string | null,
];

function columnsOf(rows: readonly TransferColumns[]): readonly (readonly (string | null)[])[] {
  return Array.from({ length: 9 }, (_, column) => rows.map((row) => row[column] ?? null));
}

async function failureOf(work: Promise<void>): Promise<unknown> {
  try {
    await work;
    return null;
  } catch (thrown) {
    return thrown;
  }
}

/** What a hold was charged, by whichever process; null: nothing. */
export async function earlierCharge(db: Kysely<Schema>, holdId: string): Promise<Nanos | null> {
  const row = await db
    .selectFrom('transfers')
    .select('amount')
    .where('hold_id', '=', holdId)
    .where('kind', '=', 'charge')
    .executeTakeFirst();
  return row?.amount ?? null;
}
