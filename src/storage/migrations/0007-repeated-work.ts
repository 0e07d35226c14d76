import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What an `Idempotency-Key`'s work is charged as, whichever of its requests does it: null is the request itself. */
export const repeatedWork: Migration = {
  async up(db) {
    await sql`alter table idempotency_keys add column charge_key text`.execute(db);
  },
};
