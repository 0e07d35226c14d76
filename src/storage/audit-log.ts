import type { Kysely, Transaction } from 'kysely';
import { z } from 'zod';
import type { AuditLog, KeptAuditEntry } from '../auth/audit-log.ts';
import type { AuditEntry, Note } from '../core/audit-entry.ts';
import { invalidCursor, pageOf, readCursor } from '../core/page.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';

const details = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]));

export function createAuditLog({ db }: Database): AuditLog {
  return {
    write: (entry) => writeEntry(db, entry),
    async list(accountId, { limit, cursor }) {
      const [before] = readCursor(cursor, 1) ?? [];
      if (before !== undefined && !/^\d{1,18}$/.test(before)) throw invalidCursor();
      const rows = await db
        .selectFrom('audit_log')
        .selectAll()
        .$if(accountId !== null, (query) => query.where('account_id', '=', accountId))
        .$if(before !== undefined, (query) => query.where('id', '<', BigInt(before ?? 0)))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return pageOf(
        rows,
        limit,
        (row) => [row.id.toString()],
        (row): KeptAuditEntry => ({
          id: `aud_${row.id}`,
          at: row.at,
          actorKeyId: row.actor_key_id,
          action: row.action,
          accountId: row.account_id,
          target: row.target,
          details: details.parse(row.details),
          requestId: row.request_id,
        }),
      );
    },
  };
}

export async function writeEntry(db: Kysely<Schema>, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit_log')
    .values({
      actor_key_id: entry.actorKeyId,
      action: entry.action,
      account_id: entry.accountId,
      target: entry.target,
      details: JSON.stringify(entry.details),
      request_id: entry.requestId,
    })
    .execute();
}

/** Does the work and writes it down, both in one commit or neither. */
export function noted<Outcome>(
  db: Kysely<Schema>,
  note: Note<Outcome> | undefined,
  work: (transaction: Transaction<Schema>) => Promise<Outcome>,
): Promise<Outcome> {
  return db.transaction().execute(async (transaction) => {
    const outcome = await work(transaction);
    if (note) await writeEntry(transaction, note(outcome));
    return outcome;
  });
}
