import { after, before } from 'node:test';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { KeyDirectory } from '../../src/auth/key-directory.ts';
import { hashKey } from '../../src/auth/key-store.ts';
import { createSecretBox } from '../../src/auth/secret-box.ts';
import { silentLog } from '../../src/core/log.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AdminParts } from '../../src/http/admin-parts.ts';
import type { HttpParts } from '../../src/http/http-parts.ts';
import { createAccountStore } from '../../src/storage/account-store.ts';
import { importAdminKeys } from '../../src/storage/admin-keys.ts';
import { createAuditLog } from '../../src/storage/audit-log.ts';
import type { Database } from '../../src/storage/database.ts';
import { openKeyDirectory } from '../../src/storage/key-directory.ts';
import { createLedgerStore, type LedgerStore } from '../../src/storage/ledger-store.ts';
import { createPlanStore } from '../../src/storage/plan-store.ts';
import { createProviderKeyStore } from '../../src/storage/provider-key-store.ts';
import { type OpenUsageStore, openUsageStore } from '../../src/storage/usage-store.ts';
import { describeDatabases } from './databases.ts';
import { startTestGateway, type TestGateway } from './test-gateway.ts';

/** The HTTP door over the real stores, and a client that is the operator unless told otherwise. */
export interface AdminGateway {
  readonly gateway: TestGateway;
  readonly ledger: LedgerStore;
  readonly usage: OpenUsageStore;
  readonly keys: KeyDirectory;
  /** `body` is sent as JSON; a text as it is. */
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** A new account and a key of it. */
  newAccount(plan?: string, scopes?: readonly string[]): Promise<{ id: string; key: string; keyId: string }>;
}

export interface CallOptions {
  readonly body?: unknown;
  /** null: none is sent. */
  readonly key?: string | null;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body's JSON; an assertion of the test says what is in it. */
  readonly json: JsonObject;
}

export interface JsonObject {
  readonly [name: string]: JsonValue;
}
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** The error of a reply; empty where it is none. */
export function errorOf({ json: { error } }: Reply): { readonly code?: unknown; readonly param?: unknown } {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('param' in error)) return {};
  return { code: error.code, param: error.param };
}

/** The entries of a list. */
export function dataOf({ json: { data } }: Reply): readonly JsonObject[] {
  if (!Array.isArray(data)) throw new Error('This reply is no list.');
  return data;
}

export const operatorKey = 'flux_test-operator-0123456789';

/** All tests of the block share one gateway. */
export function describeAdmin(
  name: string,
  body: (admin: () => AdminGateway) => void,
  more: { readonly parts?: Partial<AdminParts>; readonly http?: Partial<Omit<HttpParts, 'limits'>> } = {},
): void {
  describeDatabases(name, (database) => {
    let admin: AdminGateway | null = null;
    const releases: (() => Promise<void>)[] = [];
    before(async () => {
      admin = await startAdminGateway(database(), (release) => void releases.unshift(release), more);
    });
    after(async () => {
      for (const release of releases) await release();
    });
    body(() => {
      if (!admin) throw new Error('The gateway of this test is not open.');
      return admin;
    });
  });
}

async function startAdminGateway(
  database: Database,
  onClose: (release: () => Promise<void>) => void,
  { parts = {}, http = {} }: Parameters<typeof describeAdmin>[2] & object,
): Promise<AdminGateway> {
  await importAdminKeys(database, { fileHash: null, settingHash: hashKey(operatorKey) });
  const keys = await openKeyDirectory(database, silentLog);
  const usage = openUsageStore(database, silentLog);
  const ledger = createLedgerStore(database);
  onClose(async () => {
    await usage.close();
    await keys.close();
  });
  const providerKeys = createProviderKeyStore(database, createSecretBox([new Secret('0'.repeat(64))]));
  const accounts: AdminParts = {
    accounts: createAccountStore(database),
    plans: createPlanStore(database),
    keys,
    providerKeys,
    audit: createAuditLog(database),
    ledger,
    usage,
    topUpFeeBasisPoints: 500,
    testProviderKey: async (accountId, provider) => {
      await providerKeys.setStatus(accountId, provider, 'working');
      return { isWorking: true, latencyMs: 12, error: null };
    },
    takesKeysFor: (provider) => provider === 'openai',
    providers: () => [],
    ...parts,
  };
  const gateway = await startTestGateway({ after: onClose }, { auth: createAuthenticator(keys), accounts, ...http });
  const call: AdminGateway['call'] = async (method, path, { body, key = operatorKey } = {}) => {
    const reply = await fetch(`${gateway.url}${path}`, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await reply.text();
    const isJson = reply.headers.get('content-type')?.startsWith('application/json');
    return { status: reply.status, headers: reply.headers, text, json: isJson ? JSON.parse(text) : {} };
  };
  return {
    gateway,
    ledger,
    usage,
    keys,
    call,
    async newAccount(plan = 'payg', scopes) {
      const account = await call('POST', '/api/accounts', { body: { name: 'Some', plan } });
      const id = String(account.json.id);
      const body = { name: 'some key', ...(scopes && { scopes }) };
      const key = await call('POST', `/api/accounts/${id}/keys`, { body });
      return { id, key: String(key.json.key), keyId: String(key.json.id) };
    },
  };
}
