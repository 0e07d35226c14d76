import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Requests whose lengths, by the packets, the decoder and the vendor, do not fit together. */
export const lengthCheck: Migration = {
  async up(db) {
    await sql`alter table requests add column lengths_disagree boolean not null default false`.execute(db);
  },
};
