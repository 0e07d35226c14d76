import type { Transaction } from 'kysely';
import { GatewayError } from '../core/errors.ts';
import type { Nanos } from '../core/money.ts';
import type { CreditAsk } from '../metering/ledger.ts';
import type { Schema, TransferKind } from './schema.ts';

const sidesOfCredit = { topup: 'external', grant: 'grants', refund: 'revenue', write_off: 'grants' } as const;

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
      throw new GatewayError('invalid_value', 'This reference was used for another amount.', { param: 'reference' });
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

export function noAccount(): GatewayError {
  return new GatewayError('not_found', 'There is no such account.');
}
