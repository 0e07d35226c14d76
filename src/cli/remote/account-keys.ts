import { accountPath } from './accounts.ts';
import type { AdminClient, Row } from './admin-client.ts';
import { limitOf, requireChange } from './remote-options.ts';
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

/** What a key may do; `none` takes a limit away. */
export interface KeyOptions {
  readonly name?: string;
  readonly scopes?: readonly string[];
  readonly models?: readonly string[] | 'none';
  readonly localOnly?: boolean;
  /** Dollars, as the caller wrote them. */
  readonly budget?: string | 'none';
  readonly maxPrice?: string | 'none';
  readonly requestsPerMinute?: number | 'none';
  readonly audioSecondsPerMinute?: number | 'none';
  readonly maxConcurrent?: number | 'none';
  readonly expires?: string | 'none';
}

export function listKeys(client: AdminClient, accountId: string, asJson: boolean): Promise<void> {
  return showRows(client.pages(`${accountPath(accountId)}/keys`), columns, asJson);
}

/** Prints the key alone on standard output: the one moment at which it is known. */
export async function createKey(
  client: AdminClient,
  accountId: string,
  name: string,
  options: KeyOptions,
  asJson: boolean,
): Promise<void> {
  const key = await client.call('POST', `${accountPath(accountId)}/keys`, { ...policyOf(options), name });
  if (asJson) return showRow(key, true);
  process.stdout.write(`${key.key}\n`);
  process.stderr.write(`This is shown once. Its id is ${key.id}.\n`);
}

/** Changes what is given and prints the key as it is then. */
export async function changeKey(
  client: AdminClient,
  accountId: string,
  keyId: string,
  options: KeyOptions,
  asJson: boolean,
): Promise<void> {
  const change = requireChange(policyOf(options), '--budget 25 or --models none');
  showRow(await client.call('PATCH', keyPath(accountId, keyId), change), asJson);
}

/** Prints the token alone on standard output. */
export async function createToken(
  client: AdminClient,
  accountId: string,
  keyId: string,
  ttlSeconds: number | undefined,
  asJson: boolean,
): Promise<void> {
  const token = await client.call('POST', `${keyPath(accountId, keyId)}/tokens`, { ttl_seconds: ttlSeconds });
  if (asJson) return showRow(token, true);
  process.stdout.write(`${token.token}\n`);
  process.stderr.write(`It opens live sockets until ${token.expires_at}.\n`);
}

export async function revokeKey(client: AdminClient, accountId: string, keyId: string): Promise<void> {
  await client.call('DELETE', keyPath(accountId, keyId));
  process.stderr.write('Revoked.\n');
}

function keyPath(accountId: string, keyId: string): string {
  return `${accountPath(accountId)}/keys/${encodeURIComponent(keyId)}`;
}

function policyOf(options: KeyOptions): Row {
  return {
    name: options.name,
    scopes: options.scopes,
    allowed_models: limitOf(options.models),
    local_only: options.localOnly,
    monthly_budget_usd: limitOf(options.budget),
    max_price_usd_per_minute: limitOf(options.maxPrice),
    requests_per_minute: limitOf(options.requestsPerMinute),
    audio_seconds_per_minute: limitOf(options.audioSecondsPerMinute),
    max_concurrent: limitOf(options.maxConcurrent),
    expires_at: limitOf(options.expires),
  };
}
