import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Wallets, transfers, holds, budgets, idempotency keys. */
export const ledgerTables: Migration = {
  async up(db) {
    // balance and held are the sums of transfers and pending holds, kept in the same transactions.
    // fillfactor: every request updates its row; with room in the page the update touches no index.
    await sql`
      create table wallets (
        account_id text primary key references accounts (id),
        balance bigint not null default 0,
        held bigint not null default 0 check (held >= 0),
        unlimited boolean not null default false,
        auto_topup jsonb,
        constraint wallets_available check (unlimited or balance - held >= 0)
      ) with (fillfactor = 50)`.execute(db);
    // transfers and holds have no foreign key: they are written under the lock of a wallet, which has one, and accounts
    // are never removed; the check would cost every request another row lock.
    // The key is that of the wallet's page. Vendor costs of one commit are one row for each account, of no hold.
    await sql`
      create table transfers (
        id bigint generated always as identity,
        at timestamptz not null default now(),
        kind text not null,
        account_id text not null,
        debit text not null,
        credit text not null,
        amount bigint not null check (amount > 0),
        balance_after bigint,
        hold_id text,
        request_id text,
        reference text,
        memo text,
        primary key (account_id, id),
        check (
          (kind, debit, credit) in (
            ('charge', 'wallet', 'revenue'),
            ('provider_cost', 'provider_cost', 'external'),
            ('topup', 'external', 'wallet'),
            ('topup_fee', 'external', 'fees'),
            ('grant', 'grants', 'wallet'),
            ('refund', 'revenue', 'wallet'),
            ('write_off', 'grants', 'wallet')
          )
        ),
        check ((balance_after is not null) = (debit = 'wallet' or credit = 'wallet'))
      )`.execute(db);
    await sql`
      create unique index transfers_once_per_reference on transfers (account_id, kind, reference)
      where reference is not null`.execute(db);
    await sql`
      create unique index transfers_once_per_hold on transfers (hold_id, kind) where hold_id is not null`.execute(db);
    await sql`
      create index transfers_of_request on transfers (request_id)
      where kind = 'charge' and request_id is not null`.execute(db);
    await sql`
      create trigger transfers_are_append_only before update or delete or truncate on transfers
      for each statement execute function refuse_change()`.execute(db);
    await sql`
      create table holds (
        id text primary key,
        account_id text not null,
        charge_key text not null,
        amount bigint not null check (amount >= 0),
        state text not null default 'pending' check (state in ('pending', 'settled', 'voided', 'expired')),
        request_id text,
        key_id text,
        budget_month date,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null,
        resolved_at timestamptz,
        charged bigint not null default 0 check (charged >= 0),
        uncollected bigint not null default 0 check (uncollected >= 0),
        unique (account_id, charge_key),
        check ((state = 'pending') = (resolved_at is null)),
        check (state = 'settled' or (charged = 0 and uncollected = 0))
      ) with (fillfactor = 70)`.execute(db);
    await sql`create index holds_pending on holds (expires_at, account_id) where state = 'pending'`.execute(db);
    await sql`create index holds_resolved on holds (resolved_at) where state <> 'pending'`.execute(db);
    // A resolved hold stays as it is. The condition costs nothing on the way that every request takes.
    await sql`
      create trigger holds_are_resolved_once before update on holds
      for each row when (old.state <> 'pending') execute function refuse_change()`.execute(db);
    await sql`
      create table key_budgets (
        key_id text not null references api_keys (id),
        month date not null,
        spent bigint not null default 0 check (spent >= 0),
        held bigint not null default 0 check (held >= 0),
        primary key (key_id, month)
      ) with (fillfactor = 50)`.execute(db);
    await sql`
      create table idempotency_keys (
        account_id text not null references accounts (id),
        key text not null,
        request_hash text not null,
        request_id text not null,
        state text not null default 'running' check (state in ('running', 'done')),
        reply_status smallint,
        reply_headers jsonb,
        reply_body bytea,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null,
        primary key (account_id, key)
      )`.execute(db);
    await sql`create index idempotency_keys_by_expiry on idempotency_keys (expires_at)`.execute(db);
  },
};
