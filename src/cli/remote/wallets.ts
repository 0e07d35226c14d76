import { accountPath } from './accounts.ts';
import type { AdminClient } from './admin-client.ts';
import { showRow } from './show-rows.ts';

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
