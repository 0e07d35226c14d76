import type { AdminClient } from './admin-client.ts';
import { type Columns, showRow, showRows } from './show-rows.ts';

const columns: Columns = { id: 'ID', name: 'NAME', plan: 'PLAN', status: 'STATUS', created_at: 'CREATED' };

export function accountPath(id: string): string {
  return `/api/accounts/${encodeURIComponent(id)}`;
}

export function listAccounts(client: AdminClient, asJson: boolean): Promise<void> {
  return showRows(client.pages('/api/accounts'), columns, asJson);
}

/** Prints the new account's id alone on standard output, so that a script can take it. */
export async function createAccount(
  client: AdminClient,
  name: string,
  plan: string | undefined,
  asJson: boolean,
): Promise<void> {
  const account = await client.call('POST', '/api/accounts', { name, ...(plan !== undefined && { plan }) });
  if (asJson) return showRow(account, true);
  process.stdout.write(`${account.id}\n`);
  process.stderr.write(`An account on the plan ${account.plan}, with an empty wallet.\n`);
}

export async function showAccount(client: AdminClient, id: string, asJson: boolean): Promise<void> {
  const account = await client.call('GET', accountPath(id));
  const wallet = await client.call('GET', `${accountPath(id)}/wallet`);
  showRow({ ...account, balance_usd: wallet.balance_usd, available_usd: wallet.available_usd }, asJson);
}

/** Another plan or status, or another name. */
export async function changeAccount(
  client: AdminClient,
  id: string,
  change: { readonly plan?: string; readonly status?: 'active' | 'suspended' },
  asJson: boolean,
): Promise<void> {
  showRow(await client.call('PATCH', accountPath(id), change), asJson);
}
