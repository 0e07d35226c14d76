import { type Kysely, sql, type Transaction } from 'kysely';
import type { Note } from '../core/audit-entry.ts';
import { GatewayError } from '../core/errors.ts';
import type { Nanos } from '../core/money.ts';
import { type Credit, type CreditAsk, feeOf, type RefundAsk, type TopUp, type TopUpAsk } from '../metering/ledger.ts';
import { noted } from './audit-log.ts';
import type { Schema, TransferKind } from './schema.ts';

const sidesOfCredit = { topup: 'external', grant: 'grants', refund: 'revenue', write_off: 'grants' } as const;

/** Most that one movement may be, a billion dollars: nonsense stops here and sums stay far from the end of 64 bits. */
const maxAmount: Nanos = 1_000_000_000n * 1_000_000_000n;

/** `Ledger.topUp` */
export async function topUp(db: Kysely<Schema>, ask: TopUpAsk, note?: Note<TopUp>): Promise<TopUp> {
  checkAmount(ask.amountNanos, 1n);
  if (!Number.isInteger(ask.feeBasisPoints) || ask.feeBasisPoints < 0 || ask.feeBasisPoints > 10_000) {
    throw new RangeError(`not a fee: ${ask.feeBasisPoints} basis points`);
  }
  return noted(db, note, async (transaction) => {
    const { balance, repeated, fee: earlierFee } = await credit(transaction, 'topup', ask, null);
    const fee = repeated ? earlierFee : feeOf(ask.amountNanos, ask.feeBasisPoints);
    if (!repeated && fee > 0n) {
      const { accountId, reference, memo } = ask;
      await transaction
        .insertInto('transfers')
        .values({
          kind: 'topup_fee',
          account_id: accountId,
          debit: 'external',
          credit: 'fees',
          amount: fee,
          reference,
          memo,
        })
        .execute();
    }
    return {
      creditedNanos: ask.amountNanos,
      feeNanos: fee,
      chargedNanos: ask.amountNanos + fee,
      balanceNanos: balance,
      repeated,
    };
  });
}

/** `Ledger.grant` */
export async function grant(db: Kysely<Schema>, ask: CreditAsk, note?: Note<Credit>): Promise<Credit> {
  checkAmount(ask.amountNanos, 1n);
  return noted(db, note, async (transaction) => {
    const { balance, repeated } = await credit(transaction, 'grant', ask, null);
    return { creditedNanos: ask.amountNanos, balanceNanos: balance, repeated };
  });
}

/** `Ledger.refund` */
export async function refund(
  db: Kysely<Schema>,
  { accountId, requestId, reason }: RefundAsk,
  note?: Note<Credit>,
): Promise<Credit> {
  return noted(db, note, async (transaction) => {
    const charged = await chargedFor(transaction, accountId, requestId);
    if (charged === 0n) throw new GatewayError('not_found', 'This account was charged nothing for such a request.');
    const ask = { accountId, amountNanos: charged, reference: requestId, memo: reason };
    const { balance, repeated } = await credit(transaction, 'refund', ask, requestId);
    return { creditedNanos: charged, balanceNanos: balance, repeated };
  });
}

async function chargedFor(transaction: Transaction<Schema>, accountId: string, requestId: string): Promise<Nanos> {
  const { charged } = await transaction
    .selectFrom('transfers')
    .select(sql<bigint>`coalesce(sum(amount), 0)::bigint`.as('charged'))
    .where('account_id', '=', accountId)
    .where('request_id', '=', requestId)
    .where('kind', '=', 'charge')
    .executeTakeFirstOrThrow();
  return charged;
}

/** Moves money into a wallet under its lock. With a reference that was used before, nothing moves. */
export async function credit(
  transaction: Transaction<Schema>,
  kind: keyof typeof sidesOfCredit & TransferKind,
  { accountId, amountNanos, reference, memo }: CreditAsk,
  requestId: string | null,
): Promise<{ balance: Nanos; repeated: boolean; fee: Nanos }> {
  const wallet = await transaction
    .selectFrom('wallets')
    .select('balance')
    .where('account_id', '=', accountId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!wallet) throw noAccount();
  if (reference !== null) {
    const earlier = await transaction
      .selectFrom('transfers')
      .select(['kind', 'amount'])
      .where('account_id', '=', accountId)
      .where('kind', 'in', kind === 'topup' ? ['topup', 'topup_fee'] : [kind])
      .where('reference', '=', reference)
      .execute();
    const first = earlier.find((row) => row.kind === kind);
    if (first && first.amount !== amountNanos) {
      throw new GatewayError('conflict', 'This reference was used for another amount.', { param: 'reference' });
    }
    if (first) {
      const fee = earlier.find((row) => row.kind === 'topup_fee')?.amount ?? 0n;
      return { balance: wallet.balance, repeated: true, fee };
    }
  }
  const balance = wallet.balance + amountNanos;
  await transaction.updateTable('wallets').set({ balance }).where('account_id', '=', accountId).execute();
  await transaction
    .insertInto('transfers')
    .values({
      kind,
      account_id: accountId,
      debit: sidesOfCredit[kind],
      credit: 'wallet',
      amount: amountNanos,
      balance_after: balance,
      request_id: requestId,
      reference,
      memo,
    })
    .execute();
  return { balance, repeated: false, fee: 0n };
}

/** Throws RangeError for what no caller of the ledger may ask for. */
export function checkAmount(amount: Nanos, least: Nanos): void {
  if (amount < least || amount > maxAmount) throw new RangeError(`not an amount to move: ${amount} nano-dollars`);
}

export function noAccount(): GatewayError {
  return new GatewayError('not_found', 'There is no such account.');
}
