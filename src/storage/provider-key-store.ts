import type { Selectable } from 'kysely';
import type { ProviderKey, ProviderKeyStore } from '../auth/provider-key-store.ts';
import type { SecretBox } from '../auth/secret-box.ts';
import { GatewayError } from '../core/errors.ts';
import { noted } from './audit-log.ts';
import type { Database } from './database.ts';
import type { ProviderKeysTable } from './schema.ts';

const maxKeys = 200;
const resealAtOnce = 100;

/** `box` null: keys can be listed and removed, not set or used. */
export function createProviderKeyStore({ db }: Database, box: SecretBox | null): ProviderKeyStore {
  let isKeyNoted = false;
  const noteMasterKey = async ({ currentKeyId }: SecretBox) => {
    if (isKeyNoted) return;
    await db
      .insertInto('master_keys')
      .values({ id: currentKeyId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    isKeyNoted = true;
  };

  return {
    async put(accountId, provider, key, baseUrl, note) {
      const open = given(box);
      await noteMasterKey(open);
      const { sealed, masterKeyId } = open.seal(key, { accountId, provider });
      const values = { sealed, master_key_id: masterKeyId, last4: key.last4(), base_url: baseUrl };
      const account = await db.selectFrom('accounts').select('id').where('id', '=', accountId).executeTakeFirst();
      if (!account) throw new GatewayError('not_found', 'There is no such account.');
      const now = new Date();
      return noted(db, note, async (transaction) => {
        const row = await transaction
          .insertInto('provider_keys')
          .values({ account_id: accountId, provider, ...values, created_at: now })
          .onConflict((conflict) =>
            conflict
              .columns(['account_id', 'provider'])
              .doUpdateSet({ ...values, status: 'untested', tested_at: null, created_at: now }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        return shown(row);
      });
    },
    async list(accountId) {
      const rows = await db
        .selectFrom('provider_keys')
        .selectAll()
        .where('account_id', '=', accountId)
        .orderBy('provider')
        .limit(maxKeys)
        .execute();
      return rows.map(shown);
    },
    async open(accountId, provider) {
      const row = await db
        .selectFrom('provider_keys')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('provider', '=', provider)
        .executeTakeFirst();
      if (!row) return null;
      const sealed = { sealed: row.sealed, masterKeyId: row.master_key_id };
      return { key: given(box).open(sealed, { accountId, provider }), baseUrl: row.base_url };
    },
    async setStatus(accountId, provider, status) {
      await db
        .updateTable('provider_keys')
        .set({ status, tested_at: new Date() })
        .where('account_id', '=', accountId)
        .where('provider', '=', provider)
        .execute();
    },
    remove: (accountId, provider, note) =>
      noted(db, note, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('provider_keys')
          .where('account_id', '=', accountId)
          .where('provider', '=', provider)
          .executeTakeFirstOrThrow();
        if (numDeletedRows === 0n) throw new GatewayError('not_found', 'The account has no key for this provider.');
      }),
    async reseal() {
      const open = given(box);
      await noteMasterKey(open);
      let count = 0;
      for (;;) {
        const rows = await db
          .selectFrom('provider_keys')
          .selectAll()
          .where('master_key_id', '<>', open.currentKeyId)
          .limit(resealAtOnce)
          .execute();
        if (rows.length === 0) return count;
        for (const row of rows) {
          const place = { accountId: row.account_id, provider: row.provider };
          const next = open.seal(open.open({ sealed: row.sealed, masterKeyId: row.master_key_id }, place), place);
          await db
            .updateTable('provider_keys')
            .set({ sealed: next.sealed, master_key_id: next.masterKeyId })
            .where('account_id', '=', row.account_id)
            .where('provider', '=', row.provider)
            // A key that was replaced meanwhile is left as it is.
            .where('sealed', '=', row.sealed)
            .execute();
          count++;
        }
      }
    },
  };
}

function given(box: SecretBox | null): SecretBox {
  if (box === null) {
    throw new GatewayError(
      'unsupported_value',
      'This server keeps no vendor keys of accounts: its operator has set no FLUXSCRIBE_MASTER_KEY.',
    );
  }
  return box;
}

function shown(row: Selectable<ProviderKeysTable>): ProviderKey {
  return {
    accountId: row.account_id,
    provider: row.provider,
    baseUrl: row.base_url,
    last4: row.last4,
    status: row.status,
    createdAt: row.created_at,
    testedAt: row.tested_at,
  };
}
