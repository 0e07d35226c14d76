import { type Kysely, sql } from 'kysely';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Nanos } from '../core/money.ts';
import type { Receipt } from '../metering/ledger.ts';
import type { ChargeJournal } from './embedded/charge-journal.ts';
import { LedgerPostings } from './ledger-postings.ts';
import type { Schema } from './schema.ts';

/** A wallet as the one process that has the database knows it. What is left: posted − queued − held. */
export interface BookedWallet {
  readonly accountId: string;
  unlimited: boolean;
  /** What the database has. */
  posted: Nanos;
  /** Charges that are not in it yet. */
  queued: Nanos;
  held: Nanos;
  /** Holds and charges that are under way: it is kept for them. */
  uses: number;
}

/** What a key has spent and holds of its budget in one month. */
export interface BookedBudget {
  readonly keyId: string;
  /** Its first day, in UTC, as `2026-11-01`. */
  readonly month: string;
  spent: Nanos;
  held: Nanos;
  uses: number;
}

/** Where money is taken from. */
export interface BookedSource {
  readonly wallet: BookedWallet;
  readonly budget: BookedBudget | null;
}

export interface BookedHold extends BookedSource {
  readonly id: string;
  readonly amount: Nanos;
  readonly requestId: string | null;
  readonly expiresAtMs: number;
  /** How it ends, once that is decided; null: it is open. */
  ended: Promise<Receipt> | null;
  /** Milliseconds since the Unix epoch; null: it is open, or its end is not written yet. */
  endedAtMs: number | null;
}

/** Wallets and budgets that are kept when nothing is under way: some megabytes. */
const maxKept = 10_000;
/** Ended holds whose end is remembered, for calls that come again within seconds. */
const maxEnded = 10_000;
/** Far beyond what a process has under way; beyond it the answer is 503. */
const maxOpen = 100_000;

/**
 * The holds of an embedded database, in memory. One process has the database, so it may decide what a wallet can pay
 * without asking it; a crash takes the holds along with the requests they were for, which is what their expiry would do
 * later. Only what is charged is written.
 *
 * Whatever changes a wallet in the database does so through `exclusive`: between two of those `posted` is what is there.
 */
export class HoldBook {
  /** Charges on their way into the database. */
  readonly postings: LedgerPostings;
  readonly #db: Kysely<Schema>;
  readonly #wallets = new Map<string, BookedWallet>();
  readonly #budgets = new Map<string, BookedBudget>();
  readonly #open = new Map<string, BookedHold>();
  /** The one that ended first comes first. */
  readonly #ended = new Map<string, BookedHold>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: Kysely<Schema>, journal: ChargeJournal, log: Log) {
    this.#db = db;
    this.postings = new LedgerPostings(db, this, journal, log);
  }

  /** One piece of work on wallets after another, in the order of the calls. */
  exclusive<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Work that changes a wallet in the database by anything but a charge. It gets what is held and queued beside it. */
  change<Value>(accountId: string, work: (reserved: Nanos) => Promise<Value>): Promise<Value> {
    return this.exclusive(async () => {
      await this.postings.postAll();
      const wallet = this.#wallets.get(accountId);
      try {
        return await work(wallet ? wallet.held + wallet.queued : 0n);
      } finally {
        if (wallet) await this.reload([wallet]);
      }
    });
  }

  /** null: the account has none. What it gives may be out of date after the caller has waited for something else. */
  async wallet(accountId: string): Promise<BookedWallet | null> {
    return (
      this.#wallets.get(accountId) ??
      this.exclusive(async () => {
        const known = this.#wallets.get(accountId);
        if (known) return known;
        const row = await this.#walletRow(accountId);
        if (!row) return null;
        evict(this.#wallets);
        const { balance: posted, unlimited } = row;
        const wallet = { accountId, unlimited, posted, queued: 0n, held: 0n, uses: 0 };
        this.#wallets.set(accountId, wallet);
        return wallet;
      })
    );
  }

  /** Whether they are still those that count; if not, ask again. */
  isCurrent(wallet: BookedWallet, budget: BookedBudget | null): boolean {
    if (this.#wallets.get(wallet.accountId) !== wallet) return false;
    return budget === null || this.#budgets.get(budgetName(budget)) === budget;
  }

  /** Within `exclusive`: takes over what the database has. */
  async reload(wallets: readonly BookedWallet[]): Promise<void> {
    for (const wallet of wallets) {
      const row = await this.#walletRow(wallet.accountId);
      if (!row) continue;
      wallet.posted = row.balance;
      wallet.unlimited = row.unlimited;
    }
  }

  /** The key's budget of this month, with what it has spent without one before. */
  async budget(keyId: string): Promise<BookedBudget> {
    const now = new Date();
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())).toISOString().slice(0, 10);
    const name = budgetName({ keyId, month });
    return (
      this.#budgets.get(name) ??
      this.exclusive(async () => {
        const known = this.#budgets.get(name);
        if (known) return known;
        await this.postings.postAll();
        const { rows } = await sql<{ spent: bigint }>`
          insert into key_budgets (key_id, month, spent)
          select ${keyId}::text, ${month}::date, coalesce(sum(cost_nanos), 0)::bigint from requests
          where key_id = ${keyId} and at >= ${month}::date::timestamp at time zone 'UTC'
          on conflict (key_id, month) do update set spent = key_budgets.spent
          returning spent`.execute(this.#db);
        evict(this.#budgets);
        const budget = { keyId, month, spent: rows[0]?.spent ?? 0n, held: 0n, uses: 0 };
        this.#budgets.set(name, budget);
        return budget;
      })
    );
  }

  find(id: string): BookedHold | null {
    return this.#open.get(id) ?? this.#ended.get(id) ?? null;
  }

  /** Books what its wallet and budget can pay. Throws GatewayError `service_unavailable` when far too many are open. */
  add(hold: BookedHold): void {
    if (this.#open.size >= maxOpen) {
      throw new GatewayError('service_unavailable', 'Too many requests are under way.', { retryAfterSeconds: 1 });
    }
    this.#open.set(hold.id, hold);
    use(hold, 1);
    moveHeld(hold, 1n);
  }

  /** Gives back what it held; its end is on its way. */
  release(hold: BookedHold): void {
    moveHeld(hold, -1n);
  }

  /** Its end could not be written: it is open again. */
  reopen(hold: BookedHold): void {
    hold.ended = null;
    moveHeld(hold, 1n);
  }

  /** Its end is written, or needs no writing. */
  close(hold: BookedHold): void {
    use(hold, -1);
    this.#open.delete(hold.id);
    this.remember(hold);
  }

  /** One that has ended. */
  remember(hold: BookedHold): void {
    hold.endedAtMs = Date.now();
    this.#ended.set(hold.id, hold);
    if (this.#ended.size > maxEnded) for (const id of this.#ended.keys()) return void this.#ended.delete(id);
  }

  /** A charge is on its way into the database. */
  queue(source: BookedSource, charge: Nanos): void {
    use(source, 1);
    source.wallet.queued += charge;
    if (source.budget) source.budget.spent += charge;
  }

  /** The database has it. */
  posted(source: BookedSource, charge: Nanos): void {
    use(source, -1);
    source.wallet.queued -= charge;
  }

  /** It could not be written down. */
  unqueue(source: BookedSource, charge: Nanos): void {
    use(source, -1);
    source.wallet.queued -= charge;
    if (source.budget) source.budget.spent -= charge;
  }

  /** Open holds whose time is over, at most `most`. */
  late(nowMs: number, most: number): readonly BookedHold[] {
    const late: BookedHold[] = [];
    for (const hold of this.#open.values()) {
      if (hold.ended === null && hold.expiresAtMs < nowMs) late.push(hold);
      if (late.length >= most) break;
    }
    return late;
  }

  /** Forgets ended holds, at most `most`; gives how many. */
  forget(olderThanMs: number, most: number): number {
    let count = 0;
    for (const hold of this.#ended.values()) {
      if (count >= most || (hold.endedAtMs ?? 0) >= olderThanMs) break;
      this.#ended.delete(hold.id);
      count++;
    }
    return count;
  }

  heldBy(accountId: string): Nanos {
    return this.#wallets.get(accountId)?.held ?? 0n;
  }

  heldByKey(keyId: string): Nanos {
    let held = 0n;
    for (const budget of this.#budgets.values()) if (budget.keyId === keyId) held += budget.held;
    return held;
  }

  #walletRow(accountId: string) {
    return this.#db
      .selectFrom('wallets')
      .select(['balance', 'unlimited'])
      .where('account_id', '=', accountId)
      .executeTakeFirst();
  }
}

function budgetName({ keyId, month }: Pick<BookedBudget, 'keyId' | 'month'>): string {
  return `${month} ${keyId}`;
}

/** Makes room for one more: the one that came first of those that nobody needs. */
function evict<Value extends { readonly uses: number }>(kept: Map<string, Value>): void {
  if (kept.size < maxKept) return;
  for (const [key, { uses }] of kept) if (uses === 0) return void kept.delete(key);
}

function use({ wallet, budget }: BookedSource, change: 1 | -1): void {
  wallet.uses += change;
  if (budget) budget.uses += change;
}

function moveHeld({ wallet, budget, amount }: BookedHold, sign: 1n | -1n): void {
  wallet.held += sign * amount;
  if (budget) budget.held += sign * amount;
}
