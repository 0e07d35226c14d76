import { accountPath } from './accounts.ts';
import type { AdminClient } from './admin-client.ts';
import { type Columns, showRow, showRows } from './show-rows.ts';

export interface CreditOptions {
  readonly reference?: string;
  readonly memo?: string;
}

export async function showWallet(client: AdminClient, accountId: string, asJson: boolean): Promise<void> {
  showRow(await client.call('GET', `${accountPath(accountId)}/wallet`), asJson);
}

/** `topups`: what a customer paid for, with the operator's fee; `grants`: at the operator's cost. */
export async function creditWallet(
  client: AdminClient,
  kind: 'topups' | 'grants',
  accountId: string,
  amount: string,
  { reference, memo }: CreditOptions,
  asJson: boolean,
): Promise<void> {
  const credit = await client.call('POST', `${accountPath(accountId)}/wallet/${kind}`, {
    amount_usd: amount,
    reference,
    memo,
  });
  showRow(credit, asJson);
}

/** Once: the same request again gives nothing. */
export async function refundRequest(
  client: AdminClient,
  accountId: string,
  requestId: string,
  reason: string | undefined,
  asJson: boolean,
): Promise<void> {
  const path = `${accountPath(accountId)}/wallet/refunds`;
  showRow(await client.call('POST', path, { request_id: requestId, reason }), asJson);
}

const entryColumns: Columns = {
  at: 'AT',
  kind: 'KIND',
  amount_usd: 'AMOUNT USD',
  balance_usd: 'BALANCE USD',
  request_id: 'REQUEST',
  reference: 'REFERENCE',
  memo: 'MEMO',
};

/** All that moved the wallet's balance; the amounts sum up to it. */
export function listLedger(client: AdminClient, accountId: string, asJson: boolean): Promise<void> {
  return showRows(client.pages(`${accountPath(accountId)}/ledger`), entryColumns, asJson);
}
