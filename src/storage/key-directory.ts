import { randomBytes } from 'node:crypto';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { ApiKey, Caller, KeyDirectory, KeyPolicy } from '../auth/key-directory.ts';
import { hashKey } from '../auth/key-store.ts';
import { allScopes, type Scope } from '../auth/scopes.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type PageAsk, pageOf } from '../core/page.ts';
import { noted } from './audit-log.ts';
import type { Database } from './database.ts';
import { createKeyCache } from './key-cache.ts';
import { announceChange, hearChanges } from './key-changes.ts';
import { newId } from './new-id.ts';
import { planOf } from './plan-store.ts';
import type { ApiKeysTable, Schema } from './schema.ts';
import { readTimeCursor } from './time-cursor.ts';

/**
 * Oldest answer about a key: on PostgreSQL another replica may have revoked it and its word may be lost; the embedded
 * database has one process, which always hears.
 */
const cacheLifetimeMs = { embedded: 60_000, postgres: 1_000 };
const usedEveryMs = 10_000;
const maxTokenSeconds = 3_600;
const prefixLength = 12;

export async function openKeyDirectory(database: Database, log: Log): Promise<KeyDirectory> {
  const { db } = database;
  const cache = createKeyCache((hash) => load(db, hash), cacheLifetimeMs[database.kind]);
  const stopHearing = await hearChanges(database, cache.forget);
  const used = noteUses(db, log);

  return {
    async findByHash(hash) {
      const caller = await cache.get(hash);
      if (caller === null || (caller.expiresAt !== null && caller.expiresAt.getTime() <= Date.now())) return null;
      used.note(caller.keyId);
      return caller;
    },
    async create(accountId, name, policy, note) {
      const account = await db.selectFrom('accounts').select('id').where('id', '=', accountId).executeTakeFirst();
      if (!account) throw new GatewayError('not_found', 'There is no such account.');
      const key = `flux_${randomBytes(32).toString('base64url')}`;
      const record = await noted(db, note, async (transaction) => {
        const row = await transaction
          .insertInto('api_keys')
          .values({
            id: newId('key'),
            account_id: accountId,
            name,
            prefix: key.slice(0, prefixLength),
            hash: hashKey(key),
            scopes: [...policy.scopes],
            ...columnsOf(policy),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        return keyOf(row);
      });
      return { key, record };
    },
    list: (accountId, page) => list(db, accountId, page),
    async find(accountId, keyId) {
      const row = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('id', '=', keyId)
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      return row ? keyOf(row) : null;
    },
    findCaller: (keyId) => loadById(db, keyId),
    async update(accountId, keyId, change, note) {
      const key = await noted(db, note, async (transaction) => {
        const row = await transaction
          .updateTable('api_keys')
          .set({ ...columnsOf(change), name: change.name ?? sql<string>`name` })
          .where('id', '=', keyId)
          .where('account_id', '=', accountId)
          .where('revoked_at', 'is', null)
          .returningAll()
          .executeTakeFirst();
        if (!row) throw noKey();
        return keyOf(row);
      });
      await announceChange(database, { key: keyId });
      return key;
    },
    async revoke(accountId, keyId, note) {
      await noted(db, note, async (transaction) => {
        const row = await transaction
          .updateTable('api_keys')
          .set({ revoked_at: sql`coalesce(revoked_at, now())` })
          .where('id', '=', keyId)
          .where('account_id', '=', accountId)
          .returning('id')
          .executeTakeFirst();
        if (!row) throw noKey();
      });
      await announceChange(database, { key: keyId });
    },
    async mintToken(accountId, keyId, ttlSeconds, note) {
      if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTokenSeconds) {
        throw new GatewayError('invalid_value', `ttl_seconds is a whole number from 1 to ${maxTokenSeconds}.`, {
          param: 'ttl_seconds',
        });
      }
      const token = `fluxt_${randomBytes(32).toString('base64url')}`;
      const expiresAt = await noted(db, note, (transaction) =>
        insertToken(transaction, accountId, keyId, { token, ttlSeconds }),
      );
      return { token, expiresAt };
    },
    async pruneTokens() {
      const expired = db
        .selectFrom('browser_tokens')
        .select('id')
        .where('expires_at', '<', sql<Date>`now()`)
        .limit(1_000);
      const { numDeletedRows } = await db
        .deleteFrom('browser_tokens')
        .where('id', 'in', expired)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
    async close() {
      await stopHearing();
      await used.close();
    },
  };
}

/** Resolves with when it expires; rejects with `not_found` for a key that cannot be used. */
async function insertToken(
  db: Kysely<Schema>,
  accountId: string,
  keyId: string,
  { token, ttlSeconds }: { readonly token: string; readonly ttlSeconds: number },
): Promise<Date> {
  const row = await db
    .insertInto('browser_tokens')
    .columns(['id', 'key_id', 'hash', 'expires_at'])
    .expression(
      db
        .selectFrom('api_keys')
        .select([
          sql<string>`${newId('tok')}::text`.as('id'),
          'api_keys.id as key_id',
          sql<string>`${hashKey(token)}::text`.as('hash'),
          // A token never outlives its key.
          sql<Date>`least(now() + ${ttlSeconds}::integer * interval '1 second', expires_at)`.as('expires_at'),
        ])
        .where('api_keys.id', '=', keyId)
        .where('account_id', '=', accountId)
        .where('revoked_at', 'is', null)
        .where(sql<boolean>`coalesce(expires_at > now(), true)`),
    )
    .returning('expires_at')
    .executeTakeFirst();
  if (!row) throw noKey();
  return row.expires_at;
}

async function load(db: Kysely<Schema>, hash: string): Promise<Caller | null> {
  const found = await db
    .with('found', (query) =>
      query
        .selectFrom('api_keys')
        .select(['id as key_id', sql<Date | null>`null::timestamptz`.as('token_expires_at')])
        .where('hash', '=', hash)
        .unionAll(
          query
            .selectFrom('browser_tokens')
            .select(['key_id', sql<Date | null>`expires_at`.as('token_expires_at')])
            .where('hash', '=', hash),
        ),
    )
    .selectFrom('found')
    .innerJoin('api_keys', 'api_keys.id', 'found.key_id')
    .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
    .selectAll('api_keys')
    .select(['found.token_expires_at', 'accounts.status', 'accounts.plan_id'])
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return found ? callerOf(db, found) : null;
}

/** The key's own caller: with its id instead of its hash. */
async function loadById(db: Kysely<Schema>, keyId: string): Promise<Caller | null> {
  const found = await db
    .selectFrom('api_keys')
    .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
    .selectAll('api_keys')
    .select([sql<Date | null>`null::timestamptz`.as('token_expires_at'), 'accounts.status', 'accounts.plan_id'])
    .where('api_keys.id', '=', keyId)
    .where('revoked_at', 'is', null)
    .where(sql<boolean>`coalesce(expires_at > now(), true)`)
    .executeTakeFirst();
  return found ? callerOf(db, found) : null;
}

interface FoundKey extends Selectable<ApiKeysTable> {
  /** null: it is the key itself. */
  readonly token_expires_at: Date | null;
  readonly status: 'active' | 'suspended';
  readonly plan_id: string;
}

async function callerOf(db: Kysely<Schema>, found: FoundKey): Promise<Caller> {
  const plan = await db.selectFrom('plans').selectAll().where('id', '=', found.plan_id).executeTakeFirstOrThrow();
  const policy = policyOf(found);
  const isToken = found.token_expires_at !== null;
  return {
    ...policy,
    ...(found.token_expires_at !== null && { scopes: tokenScopes(policy), expiresAt: found.token_expires_at }),
    keyId: found.id,
    account: { id: found.account_id, status: found.status },
    plan: planOf(plan),
    isToken,
  };
}

/** A token in a web page opens sockets, if its key may, and nothing else. */
function tokenScopes({ scopes }: KeyPolicy): readonly Scope[] {
  return scopes.filter((scope) => scope === 'live');
}

async function list(db: Kysely<Schema>, accountId: string, { limit, cursor }: PageAsk) {
  const place = readTimeCursor(cursor);
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .select(sql<string>`created_at::text`.as('cursor_at'))
    .where('account_id', '=', accountId)
    .$if(place !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${place?.at}::timestamptz, ${place?.id})`),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, (row) => [row.cursor_at, row.id], keyOf);
}

/** When keys were used, written together: a column that is right to ten seconds is worth no write for each request. */
function noteUses(db: Kysely<Schema>, log: Log) {
  let uses = new Map<string, number>();
  const write = async () => {
    if (uses.size === 0) return;
    const batch = JSON.stringify([...uses].map(([id, ms]) => ({ id, at: new Date(ms).toISOString() })));
    uses = new Map();
    try {
      await sql`
        update api_keys k set last_used_at = greatest(k.last_used_at, u.at)
        from jsonb_to_recordset(${batch}::jsonb) as u (id text, at timestamptz) where k.id = u.id`.execute(db);
    } catch (thrown) {
      log.warn({ err: thrown }, 'the last use of keys could not be written');
    }
  };
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, usedEveryMs);
  timer.unref();
  return {
    note: (keyId: string) => void uses.set(keyId, Date.now()),
    async close() {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

function columnsOf(policy: Partial<KeyPolicy>) {
  return {
    ...(policy.scopes !== undefined && { scopes: [...policy.scopes] }),
    ...(policy.allowedModels !== undefined && { allowed_models: policy.allowedModels && [...policy.allowedModels] }),
    ...(policy.localOnly !== undefined && { local_only: policy.localOnly }),
    ...(policy.monthlyBudgetNanos !== undefined && { monthly_budget_nanos: policy.monthlyBudgetNanos }),
    ...(policy.maxPriceNanosPerMinute !== undefined && { max_price_nanos_per_minute: policy.maxPriceNanosPerMinute }),
    ...(policy.requestsPerMinute !== undefined && { requests_per_minute: policy.requestsPerMinute }),
    ...(policy.audioSecondsPerMinute !== undefined && { audio_seconds_per_minute: policy.audioSecondsPerMinute }),
    ...(policy.maxConcurrent !== undefined && { max_concurrent: policy.maxConcurrent }),
    ...(policy.expiresAt !== undefined && { expires_at: policy.expiresAt }),
  };
}

function policyOf(row: Selectable<ApiKeysTable>): KeyPolicy {
  return {
    scopes: allScopes.filter((scope) => row.scopes.includes(scope)),
    allowedModels: row.allowed_models,
    localOnly: row.local_only,
    monthlyBudgetNanos: row.monthly_budget_nanos,
    maxPriceNanosPerMinute: row.max_price_nanos_per_minute,
    requestsPerMinute: row.requests_per_minute,
    audioSecondsPerMinute: row.audio_seconds_per_minute,
    maxConcurrent: row.max_concurrent,
    expiresAt: row.expires_at,
  };
}

function keyOf(row: Selectable<ApiKeysTable>): ApiKey {
  return {
    ...policyOf(row),
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    prefix: row.prefix,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}

function noKey(): GatewayError {
  return new GatewayError('not_found', 'There is no such key.');
}
