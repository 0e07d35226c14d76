import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Plans, accounts, keys of callers and of vendors, the audit log. */
export const accountTables: Migration = {
  async up(db) {
    await sql`
      create table plans (
        id text primary key,
        name text not null,
        built_in boolean not null default false,
        transcription boolean not null,
        billing text not null check (billing in ('wallet', 'unlimited')),
        allowed_models text[],
        max_upload_bytes bigint check (max_upload_bytes > 0),
        requests_per_minute integer check (requests_per_minute > 0),
        audio_seconds_per_minute integer check (audio_seconds_per_minute > 0),
        max_concurrent integer check (max_concurrent > 0),
        max_live_streams integer check (max_live_streams >= 0),
        prices jsonb not null default '{}',
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`.execute(db);
    await sql`
      insert into plans (id, name, built_in, transcription, billing) values
        ('free', 'Free', true, false, 'wallet'),
        ('payg', 'Pay as you go', true, true, 'wallet'),
        ('unlimited', 'Unlimited', true, true, 'unlimited')`.execute(db);
    await sql`
      create table accounts (
        id text primary key,
        name text not null,
        plan_id text not null references plans (id),
        status text not null default 'active' check (status in ('active', 'suspended')),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      )`.execute(db);
    await sql`create index accounts_newest on accounts (created_at desc, id desc)`.execute(db);
    await sql`
      create table api_keys (
        id text primary key,
        account_id text not null references accounts (id),
        name text not null,
        prefix text not null,
        hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
        scopes text[] not null,
        allowed_models text[],
        local_only boolean not null default false,
        monthly_budget_nanos bigint check (monthly_budget_nanos >= 0),
        max_price_nanos_per_minute bigint check (max_price_nanos_per_minute >= 0),
        requests_per_minute integer check (requests_per_minute > 0),
        audio_seconds_per_minute integer check (audio_seconds_per_minute > 0),
        max_concurrent integer check (max_concurrent > 0),
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz not null default now()
      )`.execute(db);
    await sql`create index api_keys_of_account on api_keys (account_id, created_at desc, id desc)`.execute(db);
    await sql`create index api_keys_by_prefix on api_keys (prefix)`.execute(db);
    await sql`
      create table browser_tokens (
        id text primary key,
        key_id text not null references api_keys (id),
        hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
        expires_at timestamptz not null,
        created_at timestamptz not null default now()
      )`.execute(db);
    await sql`create index browser_tokens_by_expiry on browser_tokens (expires_at)`.execute(db);
    await sql`
      create table master_keys (
        id text primary key,
        first_used_at timestamptz not null default now()
      )`.execute(db);
    await sql`
      create table provider_keys (
        account_id text not null references accounts (id),
        provider text not null,
        base_url text,
        sealed bytea not null,
        master_key_id text not null references master_keys (id),
        last4 text not null,
        status text not null default 'untested' check (status in ('untested', 'working', 'refused')),
        created_at timestamptz not null default now(),
        tested_at timestamptz,
        primary key (account_id, provider)
      )`.execute(db);
    await sql`
      create table settings (
        name text primary key,
        value jsonb not null,
        updated_at timestamptz not null default now()
      )`.execute(db);
    await sql`
      create table audit_log (
        id bigint generated always as identity primary key,
        at timestamptz not null default now(),
        actor_key_id text,
        action text not null,
        account_id text,
        target text,
        details jsonb not null default '{}',
        request_id text
      )`.execute(db);
    await sql`create index audit_log_of_account on audit_log (account_id, id desc)`.execute(db);
    await sql`
      create function refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception 'rows of % are never changed or removed', tg_table_name using errcode = 'restrict_violation';
      end $$`.execute(db);
    await sql`
      create trigger audit_log_is_append_only before update or delete or truncate on audit_log
      for each statement execute function refuse_change()`.execute(db);
  },
};
