import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * One row for every request, with its attempts, which nobody reads apart from it. Rows older than the stated retention
 * are removed: partitions by month would do that on PostgreSQL only, and want upkeep of their own.
 */
export const usageTables: Migration = {
  async up(db) {
    await sql`
      create table requests (
        id text primary key,
        at timestamptz not null default now(),
        account_id text not null,
        key_id text not null,
        kind text not null,
        model text not null,
        routed_model text,
        provider text,
        status smallint not null,
        error_code text,
        audio_ms bigint not null default 0,
        billed_ms bigint not null default 0,
        probed_ms bigint,
        decoded_ms bigint,
        vendor_ms bigint,
        input_tokens bigint not null default 0,
        output_tokens bigint not null default 0,
        cost_nanos bigint not null default 0,
        provider_cost_nanos bigint not null default 0,
        byok boolean not null default false,
        latency_ms integer not null default 0,
        attempts jsonb not null default '[]'
      )`.execute(db);
    await sql`create index requests_newest on requests (at desc, id desc)`.execute(db);
    await sql`create index requests_of_account on requests (account_id, at desc, id desc)`.execute(db);
    await sql`create index requests_of_key on requests (key_id, at)`.execute(db);
  },
};
