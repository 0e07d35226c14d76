import { randomBytes } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { hashKey } from '../auth/key-store.ts';
import { allScopes } from '../auth/scopes.ts';
import type { AuditEntry } from '../core/audit-entry.ts';
import { insertAccount } from './account-store.ts';
import { writeEntry } from './audit-log.ts';
import type { Database } from './database.ts';
import { type FileKey, newKey } from './file-key-store.ts';
import { announceChange } from './key-changes.ts';
import type { Schema } from './schema.ts';

/** The operator's own account: unlimited, and there from the first start. */
export const operatorAccountId = 'acc_operator';
/** The admin key that was made at the first start, as in keys.json. */
export const fileKeyId = 'admin';
/** The admin key that the settings name. */
export const settingKeyId = 'admin-setting';
/** Other keys of keys.json have their id there after this. */
const fileKeyPrefix = 'file-';

export interface AdminKeys {
  /** Hash of the admin key in keys.json; null: there is none. */
  readonly fileHash: string | null;
  /** Hash of FLUXSCRIBE_ADMIN_KEY; null: not set. */
  readonly settingHash: string | null;
  /** The other keys in keys.json. */
  readonly otherKeys?: readonly FileKey[];
  /**
   * The file belongs to one process of several: what it has and the database lacks is brought in, and nothing that the
   * database has is replaced or revoked for it. Default false: the database follows the file.
   */
  readonly addOnly?: boolean;
}

/**
 * Brings the operator's account and its keys into the database, at every start. A key that is in neither place any more
 * is revoked, one that was replaced there is replaced here, and one that was revoked here stays so until then. Several
 * replicas may do it at once.
 */
export async function importAdminKeys(database: Database, keys: AdminKeys): Promise<void> {
  const { fileHash, settingHash, otherKeys = [], addOnly = false } = keys;
  const changed = await underLock(database, async (transaction) => {
    const known = new Map(
      (
        await transaction
          .selectFrom('api_keys')
          .select(['id', 'hash'])
          .where('account_id', '=', operatorAccountId)
          .execute()
      ).map((row) => [row.id, row]),
    );
    const wanted: { readonly id: string; readonly name: string; readonly key: Omit<FileKey, 'id'> | null }[] = [
      // With the same key in both places, the one in the settings counts.
      { id: fileKeyId, name: 'Admin key', key: adminKey(fileHash === settingHash ? null : fileHash) },
      { id: settingKeyId, name: 'Admin key of the settings', key: adminKey(settingHash) },
      ...otherKeys.map((key) => ({ id: `${fileKeyPrefix}${key.id}`, name: key.id, key })),
    ];
    for (const id of known.keys()) {
      if (id.startsWith(fileKeyPrefix) && !wanted.some((one) => one.id === id))
        wanted.push({ id, name: id, key: null });
    }
    const touched: string[] = [];
    for (const { id, name, key } of wanted) {
      const row = known.get(id) ?? null;
      if (addOnly && row !== null && id !== settingKeyId) continue;
      if (!(await place(transaction, id, name, key, row))) continue;
      touched.push(id);
      await writeEntry(
        transaction,
        entryOf(key === null ? 'key.revoke' : row === null ? 'key.create' : 'key.update', id),
      );
    }
    return touched;
  });
  for (const key of changed) await announceChange(database, { key });
}

/**
 * The operator's first admin key, for a database that several processes share: null when there was one before, revoked or
 * not. Of several replicas that start at once, one makes it.
 */
export async function makeAdminKey(database: Database): Promise<string | null> {
  const key = newKey();
  return underLock(database, async (transaction) => {
    const row = await transaction
      .selectFrom('api_keys')
      .select('id')
      .where('id', 'in', [fileKeyId, settingKeyId])
      .executeTakeFirst();
    if (row) return null;
    await place(transaction, fileKeyId, 'Admin key', adminKey(hashKey(key)), null);
    await writeEntry(transaction, entryOf('key.create', fileKeyId));
    return key;
  });
}

/** Replaces the operator's admin key: the old one is refused by every replica within a second. */
export async function replaceAdminKey(database: Database): Promise<string> {
  const key = newKey();
  await underLock(database, async (transaction) => {
    const row = await transaction.selectFrom('api_keys').select('hash').where('id', '=', fileKeyId).executeTakeFirst();
    await place(transaction, fileKeyId, 'Admin key', adminKey(hashKey(key)), row ?? null);
    await writeEntry(transaction, entryOf('key.update', fileKeyId));
  });
  await announceChange(database, { key: fileKeyId });
  return key;
}

/** One process at a time, with the operator's account in place. */
async function underLock<Result>(
  { db }: Database,
  work: (transaction: Transaction<Schema>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext('fluxscribe admin keys'))`.execute(transaction);
    const account = await transaction
      .selectFrom('accounts')
      .select('id')
      .where('id', '=', operatorAccountId)
      .executeTakeFirst();
    if (!account) await insertAccount(transaction, operatorAccountId, { name: 'Operator', planId: 'unlimited' });
    return work(transaction);
  });
}

/** No key asked for it: the settings, the key file or the command line did. */
function entryOf(action: string, target: string): AuditEntry {
  return { actorKeyId: null, action, accountId: operatorAccountId, target, details: {}, requestId: null };
}

function adminKey(hash: string | null): Omit<FileKey, 'id'> | null {
  return hash === null
    ? null
    : { hash, scopes: allScopes, allowedModels: null, localOnly: false, maxPriceNanosPerMinute: null };
}

/** Makes a key of the database what it is to be; null: revoked. Resolves with whether that changed anything. */
async function place(
  transaction: Transaction<Schema>,
  id: string,
  name: string,
  key: Omit<FileKey, 'id'> | null,
  row: { readonly hash: string } | null,
): Promise<boolean> {
  if (key === null) {
    if (!row) return false;
    // Its hash goes too: the same key may come back under the other id, and hashes are unique.
    await transaction
      .updateTable('api_keys')
      .set({ revoked_at: sql`coalesce(revoked_at, now())`, hash: hashKey(randomBytes(32).toString('hex')) })
      .where('id', '=', id)
      .execute();
    return true;
  }
  const columns = {
    hash: key.hash,
    scopes: [...key.scopes],
    allowed_models: key.allowedModels && [...key.allowedModels],
    local_only: key.localOnly,
    max_price_nanos_per_minute: key.maxPriceNanosPerMinute,
  };
  if (!row) {
    await transaction
      .insertInto('api_keys')
      // The key itself is not known here, so there is no prefix to show.
      .values({ id, account_id: operatorAccountId, name, prefix: '', ...columns })
      .execute();
    return true;
  }
  const isSame = row.hash === key.hash;
  // What an operator changed about an admin key stays; the other keys follow their file.
  if (isSame && (id === fileKeyId || id === settingKeyId)) return false;
  await transaction
    .updateTable('api_keys')
    .set({ ...columns, ...(!isSame && { revoked_at: null }) })
    .where('id', '=', id)
    .execute();
  return true;
}
