import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery, type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Log } from '../core/log.ts';
import { formatDollars, type Nanos } from '../core/money.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import type { ChargeJournal } from './embedded/charge-journal.ts';
import type { BookedSource, BookedWallet, HoldBook } from './hold-book.ts';
import { maxBatch, maxWaiting } from './hold-keeper.ts';
import type { Schema } from './schema.ts';

/** A charge as it lies in the journal. Amounts are nano-dollars as text, which JSON would round. */
const chargeSchema = z.object({
  holdId: z.string(),
  accountId: z.string(),
  requestId: z.string().nullable(),
  /** Milliseconds since the Unix epoch. */
  atMs: z.number(),
  charge: z.string(),
  /** What the wallet could not pay: said on the charge's row. */
  uncollected: z.string(),
  providerCost: z.string(),
  budget: z.object({ keyId: z.string(), month: z.string() }).nullable(),
  /** The request's row as JSON, as `requestJson` makes it; null: none. */
  record: z.string().nullable(),
});
export type JournalCharge = z.infer<typeof chargeSchema>;

interface Posting extends JournalCharge {
  readonly position: number;
  readonly source: BookedSource;
  /** What it counts for among what its wallet has queued. */
  readonly queued: Nanos;
}

/** Under load the journal waits this long for company. */
const gatherMs = 1;
/** What was acknowledged goes into the database within this time; whoever reads it before makes it go at once. */
const postEveryMs = 1_000;
/** Charges of one commit. With as many the next commit does not wait. */
const postAtOnce = 500;
/** Beyond as many, new charges wait until the database has taken some. */
const maxUnposted = 20_000;

const statement = `select ledger_post(
  $1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
  $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::date[], $16::bigint[],
  $17::json, $18::bigint)`;

/**
 * The way of charges into an embedded database: into the journal, where they are acknowledged, and from there in large
 * commits into the tables. A commit says how far it goes in the journal, so that a restart writes the rest, once.
 */
export class LedgerPostings {
  readonly #db: Kysely<Schema>;
  readonly #book: HoldBook;
  readonly #journal: ChargeJournal;
  readonly #log: Log;
  readonly #appends: Batcher<string, number>;
  #unposted: Posting[] = [];
  #position = 0;
  #timer: NodeJS.Timeout | null = null;
  #isPosting = false;

  constructor(db: Kysely<Schema>, book: HoldBook, journal: ChargeJournal, log: Log) {
    this.#db = db;
    this.#book = book;
    this.#journal = journal;
    this.#log = log;
    this.#appends = createBatcher({
      run: (texts) => journal.append(texts),
      maxItems: maxBatch,
      concurrency: 1,
      maxWaiting,
      gatherMs,
    });
  }

  /** Writes what earlier processes have left in the journal. Before anything else, with the tables up to date. */
  async open(): Promise<void> {
    const { rows } = await sql<{ position: bigint }>`select position from ledger_journal`.execute(this.#db);
    this.#position = Number(rows[0]?.position ?? 0n);
    this.#journal.goOnFrom(this.#position);
    for (const { position, text } of this.#journal.found) {
      if (position <= this.#position) continue;
      const charge = chargeSchema.parse(JSON.parse(text));
      const wallet = await this.#book.wallet(charge.accountId);
      if (!wallet) {
        const { accountId, charge: costNanos } = charge;
        this.#log.error({ accountId, costNanos }, 'the journal has a charge for an account that there is not');
        continue;
      }
      const source = { wallet, budget: null };
      const queued = BigInt(charge.charge);
      this.#book.queue(source, queued);
      this.#unposted.push({ ...charge, position, source, queued });
    }
    await this.flush();
  }

  /** Resolves once the disk has it. Its source has the amount among what is queued. */
  async add(charge: JournalCharge, source: BookedSource): Promise<void> {
    if (this.#unposted.length >= maxUnposted) await this.flush();
    const position = await this.#appends.add(JSON.stringify(charge));
    this.#unposted.push({ ...charge, position, source, queued: BigInt(charge.charge) });
    this.#postInTime();
  }

  /** Resolves once the tables have everything that was acknowledged by now. */
  flush(): Promise<void> {
    return this.#unposted.length === 0 ? Promise.resolve() : this.#book.exclusive(() => this.postAll());
  }

  /** The same for whoever has the book to itself already. */
  async postAll(): Promise<void> {
    let left = this.#unposted.length;
    while (left > 0) {
      const batch = this.#unposted.slice(0, Math.min(left, postAtOnce));
      left -= batch.length;
      try {
        await this.#postBatch(batch);
      } finally {
        this.#unposted = this.#unposted.filter(({ position }) => position > this.#position);
      }
      await this.#journal.posted(this.#position);
    }
  }

  async idle(): Promise<void> {
    await this.#appends.idle();
    await this.flush();
  }

  /** What cannot be posted any more stays in the journal for the next start. */
  async close(): Promise<void> {
    try {
      await this.idle();
    } finally {
      if (this.#timer) clearTimeout(this.#timer);
      // From here on nothing is posted.
      this.#isPosting = true;
      await this.#journal.close(this.#position);
    }
  }

  /** One commit after another while there is enough for one, else one in a while. */
  #postInTime(): void {
    if (this.#isPosting || this.#unposted.length === 0) return;
    if (this.#unposted.length >= postAtOnce) void this.#post();
    else if (this.#timer === null) {
      this.#timer = setTimeout(() => void this.#post(), postEveryMs);
      this.#timer.unref();
    }
  }

  async #post(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isPosting = true;
    try {
      await this.flush();
    } catch (thrown) {
      this.#log.error({ err: thrown, charges: this.#unposted.length }, 'charges wait in the journal for the database');
      await sleep(postEveryMs, null, { ref: false });
    } finally {
      this.#isPosting = false;
      this.#postInTime();
    }
  }

  /** Where the database has something else than it was taken to have, it is asked and has the last word. */
  async #postBatch(batch: readonly Posting[]): Promise<void> {
    try {
      await this.#write(batch);
    } catch (thrown) {
      if (!(thrown instanceof Error && 'constraint' in thrown)) throw thrown;
      this.#log.warn({ err: thrown }, 'wallets were changed by somebody else; charges are written one by one');
      await this.#book.reload([...new Set(batch.map(({ source }) => source.wallet))]);
      for (const posting of batch) await this.#write([withinReach(posting)]);
    }
  }

  async #write(batch: readonly Posting[]): Promise<void> {
    const balances = new Map<BookedWallet, Nanos>();
    const vendorCosts = new Map<string, { readonly atMs: number; cost: Nanos }>();
    const budgets = new Map<string, { readonly keyId: string; readonly month: string; spent: Nanos }>();
    const rows: TransferColumns[] = [];
    for (const { source, holdId, accountId, requestId, atMs, budget, ...amounts } of batch) {
      const charge = BigInt(amounts.charge);
      if (charge > 0n) {
        const balance = (balances.get(source.wallet) ?? source.wallet.posted) - charge;
        balances.set(source.wallet, balance);
        const uncollected = BigInt(amounts.uncollected);
        const memo = uncollected > 0n ? `the wallet lacked $${formatDollars(uncollected)}` : null;
        const sides = ['charge', accountId, 'wallet', 'revenue'] as const;
        rows.push([timeOf(atMs), ...sides, amounts.charge, `${balance}`, holdId, requestId, memo]);
        if (budget) {
          const name = `${budget.month} ${budget.keyId}`;
          budgets.set(name, { ...budget, spent: (budgets.get(name)?.spent ?? 0n) + charge });
        }
      }
      const cost = BigInt(amounts.providerCost);
      if (cost > 0n) vendorCosts.set(accountId, { atMs, cost: (vendorCosts.get(accountId)?.cost ?? 0n) + cost });
    }
    for (const [accountId, { atMs, cost }] of vendorCosts) {
      const sides = ['provider_cost', accountId, 'provider_cost', 'external'] as const;
      rows.push([timeOf(atMs), ...sides, `${cost}`, null, null, null, null]);
    }
    const wallets = [...balances.keys()];
    const spent = [...budgets.values()];
    const records = batch.flatMap(({ record }) => (record === null ? [] : [record]));
    const position = batch.at(-1)?.position ?? this.#position;
    await this.#db.executeQuery(
      CompiledQuery.raw(statement, [
        wallets.map(({ accountId }) => accountId),
        wallets.map(({ posted }) => `${posted}`),
        [...balances.values()].map(String),
        ...columnsOf(rows),
        spent.map(({ keyId }) => keyId),
        spent.map(({ month }) => month),
        spent.map((one) => `${one.spent}`),
        records.length === 0 ? null : `[${records.join()}]`,
        `${position}`,
      ]),
    );
    this.#position = position;
    for (const [wallet, balance] of balances) wallet.posted = balance;
    for (const { source, queued } of batch) this.#book.posted(source, queued);
  }
}

/** An acknowledged charge, but never below zero: money was taken from the wallet behind this process's back. */
function withinReach(posting: Posting): Posting {
  const { wallet } = posting.source;
  const charge = BigInt(posting.charge);
  if (wallet.unlimited || charge <= wallet.posted) return posting;
  return { ...posting, charge: `${wallet.posted}`, uncollected: `${charge - wallet.posted}` };
}

/** at, kind, account, debit, credit, amount, balance after it, hold, request, memo. */
type TransferColumns = readonly [
  string,
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
  return Array.from({ length: 10 }, (_, column) => rows.map((row) => row[column] ?? null));
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** What a hold was charged, by whichever process; null: nothing. What is in the journal alone is not seen. */
export async function earlierCharge(db: Kysely<Schema>, holdId: string): Promise<Nanos | null> {
  const row = await db
    .selectFrom('transfers')
    .select('amount')
    .where('hold_id', '=', holdId)
    .where('kind', '=', 'charge')
    .executeTakeFirst();
  return row?.amount ?? null;
}
