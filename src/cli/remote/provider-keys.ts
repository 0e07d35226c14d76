import { text } from 'node:stream/consumers';
import { UsageError } from '../usage-error.ts';
import { accountPath } from './accounts.ts';
import { type AdminClient, RemoteError } from './admin-client.ts';
import { type Columns, showRow, showRows } from './show-rows.ts';

const columns: Columns = {
  provider: 'PROVIDER',
  last4: 'ENDS WITH',
  status: 'STATUS',
  base_url: 'ADDRESS',
  created_at: 'CREATED',
  tested_at: 'TESTED',
};

export function listProviderKeys(client: AdminClient, accountId: string, asJson: boolean): Promise<void> {
  return showRows(client.whole(`${accountPath(accountId)}/provider-keys`), columns, asJson);
}

/** Sets or replaces it. The key comes from standard input: others on the machine can read a command line. */
export async function setProviderKey(
  client: AdminClient,
  accountId: string,
  provider: string,
  baseUrl: string | undefined,
  asJson: boolean,
): Promise<void> {
  if (process.stdin.isTTY) process.stderr.write('The key, then Ctrl-D:\n');
  const key = (await text(process.stdin)).trim();
  if (key === '') throw new UsageError('Send the key over standard input.');
  showRow(await client.call('PUT', keyPath(accountId, provider), { api_key: key, base_url: baseUrl }), asJson);
}

/** Rejects with RemoteError where the key does not work, so that a script sees it. */
export async function testProviderKey(
  client: AdminClient,
  accountId: string,
  provider: string,
  asJson: boolean,
): Promise<void> {
  const test = await client.call('POST', `${keyPath(accountId, provider)}/test`);
  showRow(test, asJson);
  if (test.ok !== true) throw new RemoteError('The key does not work.');
}

export async function removeProviderKey(client: AdminClient, accountId: string, provider: string): Promise<void> {
  await client.call('DELETE', keyPath(accountId, provider));
  process.stderr.write('Removed.\n');
}

function keyPath(accountId: string, provider: string): string {
  return `${accountPath(accountId)}/provider-keys/${encodeURIComponent(provider)}`;
}
