import type { Kysely } from 'kysely';
import type { Nanos } from '../core/money.ts';
import type { Hold, Receipt, ReserveAsk } from '../metering/ledger.ts';
import type { BookedBudget, BookedHold, BookedSource, BookedWallet, HoldBook } from './hold-book.ts';
import { type HoldKeeper, holdIdOf, type Resolution } from './hold-keeper.ts';
import { earlierCharge } from './ledger-postings.ts';
import { requestJson } from './request-row.ts';
import type { Schema } from './schema.ts';

/** Whose money it is, and what for. */
interface Source extends BookedSource {
  readonly requestId: string | null;
}

/**
 * Holds in memory, where one process has the database. To hold is to count; only what is charged is written: into the
 * journal at once, and from there into the tables.
 */
export function createMemoryHolds(db: Kysely<Schema>, book: HoldBook): HoldKeeper {
  const { postings } = book;
  /** Charges at once that are on their way, by their hold. */
  const charging = new Map<string, Promise<Receipt | null>>();

  /** Writes down what was decided. */
  const post = async (resolution: Resolution, source: Source, charge: Nanos): Promise<Receipt> => {
    const { hold, state, costNanos, providerCostNanos, record } = resolution;
    const { wallet, budget, requestId } = source;
    const uncollectedNanos = costNanos - charge;
    if (charge > 0n || providerCostNanos > 0n || record !== null) {
      const journalled = {
        holdId: hold.id,
        accountId: wallet.accountId,
        requestId,
        atMs: Date.now(),
        charge: `${charge}`,
        uncollected: `${uncollectedNanos}`,
        providerCost: `${providerCostNanos}`,
        budget: budget && { keyId: budget.keyId, month: budget.month },
        record: record && JSON.stringify(requestJson({ ...record, costNanos: charge })),
      };
      book.queue(source, charge);
      try {
        await postings.add(journalled, source);
      } catch (thrown) {
        book.unqueue(source, charge);
        throw thrown;
      }
    }
    return { state, chargedNanos: charge, uncollectedNanos, balanceNanos: balanceOf(wallet) };
  };
  const end = async (hold: BookedHold, resolution: Resolution): Promise<Receipt> => {
    const { wallet, amount } = hold;
    // More than was held is taken as far as the wallet reaches without touching other holds.
    const most = wallet.unlimited ? resolution.costNanos : larger(0n, left(wallet) + amount);
    book.release(hold);
    try {
      const receipt = await post(resolution, hold, resolution.costNanos < most ? resolution.costNanos : most);
      book.close(hold);
      return receipt;
    } catch (thrown) {
      book.reopen(hold);
      throw thrown;
    }
  };
  /** A request's own id is new; another key may name what was charged before, perhaps by a process that has died. */
  const earlierOf = async ({ accountId, chargeKey, requestId }: ReserveAsk): Promise<Nanos | null> => {
    if (chargeKey === requestId) return null;
    await postings.flush();
    return earlierCharge(db, holdIdOf(accountId, chargeKey));
  };
  const chargeOnce = async (ask: ReserveAsk, resolution: Resolution): Promise<Receipt | null> => {
    const { costNanos } = resolution;
    const earlier = await earlierOf(ask);
    let wallet: BookedWallet | null;
    do wallet = await book.wallet(ask.accountId);
    while (wallet && !book.isCurrent(wallet, null));
    if (!wallet) return null;
    if (earlier !== null) return settledBefore(earlier, wallet);
    const canPay = wallet.unlimited || left(wallet) >= costNanos;
    const source = { wallet, budget: null, requestId: ask.requestId };
    return post(canPay ? resolution : { ...resolution, state: 'voided' }, source, canPay ? costNanos : 0n);
  };

  return {
    async reserve(ask) {
      const { accountId, chargeKey, requestId, amountNanos, ttlMs, key } = ask;
      const id = holdIdOf(accountId, chargeKey);
      const budgetNanos = key?.budgetNanos ?? null;
      let wallet: BookedWallet | null;
      let budget: BookedBudget | null;
      let earlier: Nanos | null;
      do {
        wallet = await book.wallet(accountId);
        budget = wallet && key && budgetNanos !== null ? await book.budget(key.id) : null;
        earlier = await earlierOf(ask);
      } while (wallet && !book.isCurrent(wallet, budget));
      // From here on nothing waits: what is decided is booked before anything else is.
      const known = book.find(id);
      if (known) return { outcome: 'existing', hold: await asHold(known) };
      const expiresAtMs = Date.now() + ttlMs;
      const hold: Hold = { id, accountId, amountNanos, state: 'pending', expiresAtMs, repeated: false };
      if (!wallet) return { outcome: 'no_wallet', hold };
      const booked: BookedHold = {
        id,
        wallet,
        budget,
        amount: amountNanos,
        requestId,
        expiresAtMs,
        ended: null,
        endedAtMs: null,
      };
      if (earlier !== null) {
        book.remember({ ...booked, ended: Promise.resolve(settledBefore(earlier, wallet)) });
        return { outcome: 'existing', hold: { ...hold, state: 'settled', repeated: true } };
      }
      if (!wallet.unlimited && left(wallet) < amountNanos) return { outcome: 'insufficient_credits', hold };
      if (budget && budgetNanos !== null && budget.spent + budget.held + amountNanos > budgetNanos) {
        return { outcome: 'budget_exhausted', hold };
      }
      book.add(booked);
      return { outcome: 'reserved', hold };
    },
    async resolve(resolution) {
      const hold = book.find(resolution.hold.id);
      if (!hold || hold.wallet.accountId !== resolution.hold.accountId) return null;
      hold.ended ??= end(hold, resolution);
      return hold.ended;
    },
    charge(ask, resolution) {
      const { id } = resolution.hold;
      const known = charging.get(id);
      if (known) return known;
      const charge = chargeOnce(ask, resolution).finally(() => charging.delete(id));
      charging.set(id, charge);
      return charge;
    },
    async expire(most) {
      const late = book.late(Date.now(), most);
      for (const hold of late) {
        book.release(hold);
        const balanceNanos = balanceOf(hold.wallet);
        hold.ended = Promise.resolve({ state: 'expired', chargedNanos: 0n, uncollectedNanos: 0n, balanceNanos });
        book.close(hold);
      }
      return late.length;
    },
    async prune(olderThanMs, most) {
      return book.forget(olderThanMs, most);
    },
    heldInMemory: (accountId) => book.heldBy(accountId),
    heldInMemoryByKey: (keyId) => book.heldByKey(keyId),
    idle: () => postings.idle(),
  };
}

function balanceOf({ posted, queued }: BookedWallet): Nanos {
  return posted - queued;
}

function left(wallet: BookedWallet): Nanos {
  return balanceOf(wallet) - wallet.held;
}

function larger(one: Nanos, other: Nanos): Nanos {
  return one > other ? one : other;
}

function settledBefore(chargedNanos: Nanos, wallet: BookedWallet): Receipt {
  return { state: 'settled', chargedNanos, uncollectedNanos: 0n, balanceNanos: balanceOf(wallet) };
}

async function asHold({ id, wallet, amount, expiresAtMs, ended, endedAtMs }: BookedHold): Promise<Hold> {
  const receipt = endedAtMs === null ? null : await ended;
  const state = receipt?.state ?? 'pending';
  return { id, accountId: wallet.accountId, amountNanos: amount, state, expiresAtMs, repeated: true };
}
