import { accountPath } from './accounts.ts';
import type { AdminClient } from './admin-client.ts';
import { type Columns, showRow, showRows } from './show-rows.ts';

const columns: Columns = {
  id: 'ID',
  prefix: 'PREFIX',
  name: 'NAME',
  scopes: 'SCOPES',
  last_used_at: 'LAST USED',
  expires_at: 'EXPIRES',
  revoked_at: 'REVOKED',
};

export interface NewKeyOptions {
  readonly scopes?: readonly string[];
  readonly models?: readonly string[];
  readonly localOnly?: boolean;
  readonly budget?: string;
  readonly maxPrice?: string;
  readonly requestsPerMinute?: number;
  readonly audioSecondsPerMinute?: number;
  readonly maxConcurrent?: number;
  readonly expires?: string;
}

export function listKeys(client: AdminClient, accountId: string, asJson: boolean): Promise<void> {
  return showRows(client.pages(`${accountPath(accountId)}/keys`), columns, asJson);
}

/** Prints the key alone on standard output: the one moment at which it is known. */
export async function createKey(
  client: AdminClient,
  accountId: string,
  name: string,
  options: NewKeyOptions,
  asJson: boolean,
): Promise<void> {
  const key = await client.call('POST', `${accountPath(accountId)}/keys`, {
    name,
    scopes: options.scopes,
    allowed_models: options.models,
    local_only: options.localOnly,
    monthly_budget_usd: options.budget,
    max_price_usd_per_minute: options.maxPrice,
    requests_per_minute: options.requestsPerMinute,
    audio_seconds_per_minute: options.audioSecondsPerMinute,
    max_concurrent: options.maxConcurrent,
    expires_at: options.expires,
  });
  if (asJson) return showRow(key, true);
  process.stdout.write(`${key.key}\n`);
  process.stderr.write(`This is shown once. Its id is ${key.id}.\n`);
}

/** Prints the token alone on standard output. */
export async function createToken(
  client: AdminClient,
  accountId: string,
  keyId: string,
  ttlSeconds: number | undefined,
  asJson: boolean,
): Promise<void> {
  const path = `${accountPath(accountId)}/keys/${encodeURIComponent(keyId)}/tokens`;
  const token = await client.call('POST', path, { ttl_seconds: ttlSeconds });
  if (asJson) return showRow(token, true);
  process.stdout.write(`${token.token}\n`);
  process.stderr.write(`It opens live sockets until ${token.expires_at}.\n`);
}

export async function revokeKey(client: AdminClient, accountId: string, keyId: string): Promise<void> {
  await client.call('DELETE', `${accountPath(accountId)}/keys/${encodeURIComponent(keyId)}`);
  process.stderr.write('Revoked.\n');
}
