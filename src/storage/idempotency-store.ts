import { type Kysely, type Selectable, sql } from 'kysely';
import { z } from 'zod';
import type { IdempotencyState, IdempotencyStore } from '../metering/idempotency-store.ts';
import type { Database } from './database.ts';
import type { IdempotencyKeysTable, Schema } from './schema.ts';

/** How long a reply is given again: what Stripe and the SDKs that copy it promise. */
const keptHours = 24;
/** A request in work without a sign of life for this long is dead. */
const leaseMs = 30_000;
const maxBodyBytes = 8 * 1024 * 1024;
const headersSchema = z.record(z.string(), z.string());

export function createIdempotencyStore({ db }: Database): IdempotencyStore {
  /** Ids of requests in work. */
  const running = new Set<string>();
  const ended = sql<Date>`now() - interval '1 millisecond'`;
  const leaseEnd = sql<Date>`now() + ${leaseMs}::integer * interval '1 millisecond'`;
  const release = async (accountId: string, key: string, requestId: string) => {
    running.delete(requestId);
    const { numDeletedRows } = await db
      .deleteFrom('idempotency_keys')
      .where('account_id', '=', accountId)
      .where('key', '=', key)
      .where('request_id', '=', requestId)
      .where('state', '=', 'running')
      .where((row) => row.or([row('charge_key', 'is', null), row('charge_key', '=', row.ref('request_id'))]))
      .executeTakeFirstOrThrow();
    if (numDeletedRows > 0n) return;
    // An earlier request of the key may have been charged: the next one must know.
    await db
      .updateTable('idempotency_keys')
      .set({ expires_at: ended })
      .where('account_id', '=', accountId)
      .where('key', '=', key)
      .where('request_id', '=', requestId)
      .where('state', '=', 'running')
      .execute();
  };
  return {
    async begin({ accountId, key, requestHash, requestId }) {
      const fresh = { request_hash: requestHash, request_id: requestId, state: 'running' as const };
      // One statement: who inserts, or takes over what has expired, is first.
      const taken = await db
        .insertInto('idempotency_keys')
        .values({ account_id: accountId, key, ...fresh, charge_key: requestId, expires_at: leaseEnd })
        .onConflict((conflict) =>
          conflict
            .columns(['account_id', 'key'])
            .doUpdateSet({
              ...fresh,
              // The same work, which a dead process may have charged and not answered.
              charge_key: sql<string>`case
                when idempotency_keys.state = 'running' and idempotency_keys.request_hash = excluded.request_hash
                then coalesce(idempotency_keys.charge_key, idempotency_keys.request_id)
                else excluded.charge_key end`,
              reply_status: null,
              reply_headers: null,
              reply_body: null,
              created_at: sql`now()`,
              expires_at: leaseEnd,
            })
            .where('idempotency_keys.expires_at', '<', sql<Date>`now()`),
        )
        .returning('charge_key')
        .executeTakeFirst();
      if (taken) {
        running.add(requestId);
        return { state: 'first', chargeKey: taken.charge_key ?? requestId };
      }
      const row = await find(db, accountId, key);
      // Given free between the two statements: this request may be the first now.
      if (!row) return this.begin({ accountId, key, requestHash, requestId });
      return stateOf(row, requestHash);
    },
    async finish({ accountId, key, requestId }, { status, headers, body }) {
      if (body.byteLength > maxBodyBytes) return release(accountId, key, requestId);
      running.delete(requestId);
      await db
        .updateTable('idempotency_keys')
        .set({
          state: 'done',
          reply_status: status,
          reply_headers: JSON.stringify(headers),
          reply_body: body,
          expires_at: sql`now() + ${keptHours}::integer * interval '1 hour'`,
        })
        .where('account_id', '=', accountId)
        .where('key', '=', key)
        .where('request_id', '=', requestId)
        .execute();
    },
    forget: ({ accountId, key, requestId }) => release(accountId, key, requestId),
    async renew() {
      if (running.size === 0) return;
      await db
        .updateTable('idempotency_keys')
        .set({ expires_at: leaseEnd })
        .where('state', '=', 'running')
        .where('request_id', 'in', [...running])
        .execute();
    },
    async freeAll() {
      await db.updateTable('idempotency_keys').set({ expires_at: ended }).where('state', '=', 'running').execute();
    },
    async prune() {
      const { rows } = await sql<{ count: number }>`
        with removed as (
          delete from idempotency_keys where (account_id, key) in (
            select account_id, key from idempotency_keys
            -- What died in work is remembered as long as a reply: it may have been charged.
            where expires_at < now() - case when state = 'running' then ${keptHours} else 0 end * interval '1 hour'
            limit 1000
          ) returning 1
        ) select count(*)::integer as count from removed`.execute(db);
      return rows[0]?.count ?? 0;
    },
  };
}

function find(db: Kysely<Schema>, accountId: string, key: string) {
  return db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('key', '=', key)
    .executeTakeFirst();
}

function stateOf(row: Selectable<IdempotencyKeysTable>, requestHash: string): IdempotencyState {
  if (row.request_hash !== requestHash) return { state: 'conflict' };
  if (row.state === 'running' || row.reply_status === null || row.reply_body === null) {
    return { state: 'running', requestId: row.request_id };
  }
  const headers = headersSchema.parse(row.reply_headers);
  return {
    state: 'done',
    requestId: row.request_id,
    reply: { status: row.reply_status, headers, body: row.reply_body },
  };
}
