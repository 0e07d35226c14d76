import { randomBytes } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { hashKey } from '../auth/key-store.ts';
import { allScopes } from '../auth/principal.ts';
import { insertAccount } from './account-store.ts';
import type { Database } from './database.ts';
import { announceChange } from './key-changes.ts';
import type { Schema } from './schema.ts';

/** The operator's own account: unlimited, and there from the first start. */
export const operatorAccountId = 'acc_operator';
/** The admin key that was made at the first start, as in keys.json. */
export const fileKeyId = 'admin';
/** The admin key that the settings name. */
export const settingKeyId = 'admin-setting';

export interface AdminKeys {
  /** Hash of the admin key in keys.json; null: there is none. */
  readonly fileHash: string | null;
  /** Hash of FLUXSCRIBE_ADMIN_KEY; null: not set. */
  readonly settingHash: string | null;
}

/**
 * Brings the operator's account and its admin keys into the database, at every start. A key that is in neither place any
 * more is revoked, one that was replaced there is replaced here, and one that was revoked here stays so until then.
 * Several replicas may do it at once.
 */
export async function importAdminKeys(database: Database, { fileHash, settingHash }: AdminKeys): Promise<void> {
  await database.db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext('fluxscribe admin keys'))`.execute(transaction);
    const account = await transaction
      .selectFrom('accounts')
      .select('id')
      .where('id', '=', operatorAccountId)
      .executeTakeFirst();
    if (!account) await insertAccount(transaction, operatorAccountId, { name: 'Operator', planId: 'unlimited' });
    // With the same key in both places, the one in the settings counts.
    await place(transaction, fileKeyId, 'Admin key', fileHash === settingHash ? null : fileHash);
    await place(transaction, settingKeyId, 'Admin key of the settings', settingHash);
  });
  for (const key of [fileKeyId, settingKeyId]) await announceChange(database, { key });
}

async function place(transaction: Transaction<Schema>, id: string, name: string, hash: string | null): Promise<void> {
  const row = await transaction.selectFrom('api_keys').select('hash').where('id', '=', id).executeTakeFirst();
  if (hash === null) {
    if (!row) return;
    // Its hash goes too: the same key may come back under the other id, and hashes are unique.
    await transaction
      .updateTable('api_keys')
      .set({ revoked_at: sql`coalesce(revoked_at, now())`, hash: hashKey(randomBytes(32).toString('hex')) })
      .where('id', '=', id)
      .execute();
    return;
  }
  if (!row) {
    await transaction
      .insertInto('api_keys')
      // The key itself is not known here, so there is no prefix to show.
      .values({ id, account_id: operatorAccountId, name, prefix: '', hash, scopes: [...allScopes] })
      .execute();
  } else if (row.hash !== hash) {
    await transaction.updateTable('api_keys').set({ hash, revoked_at: null }).where('id', '=', id).execute();
  }
}
