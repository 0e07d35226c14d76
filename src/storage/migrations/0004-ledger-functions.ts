import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * The two steps that every request takes, each for many requests at once: one statement, one commit and one wait for the
 * disk for all that arrived together. Both lock wallets in the order of their accounts and touch a hold or a budget only
 * under its wallet's lock, so that no two of them can wait for each other.
 */
export const ledgerFunctions: Migration = {
  async up(db) {
    // Outcomes: reserved, existing (this charge key was used before), no_wallet, insufficient_credits, budget_exhausted.
    await sql`
      create function ledger_reserve(asks jsonb)
      returns table (o_n integer, o_outcome text, o_hold_id text, o_amount bigint, o_state text, o_expires_at timestamptz)
      language plpgsql as $$
      declare
        ask record;
        v_account text;
        v_balance bigint;
        v_held bigint;
        v_held_before bigint;
        v_unlimited boolean;
        v_month date := date_trunc('month', now() at time zone 'UTC')::date;
        v_spent bigint;
      begin
        for ask in
          select * from jsonb_to_recordset(asks) as a (
            n integer, hold_id text, account_id text, charge_key text, amount bigint, ttl_ms bigint,
            request_id text, key_id text, budget bigint
          ) order by a.account_id collate "C", a.n
        loop
          if v_account is distinct from ask.account_id then
            if v_held <> v_held_before then
              update wallets set held = v_held where account_id = v_account;
            end if;
            v_account := ask.account_id;
            select balance, held, held, unlimited into v_balance, v_held, v_held_before, v_unlimited
              from wallets where account_id = v_account for no key update;
          end if;
          o_n := ask.n;
          select h.id, h.amount, h.state, h.expires_at into o_hold_id, o_amount, o_state, o_expires_at
            from holds h where h.account_id = ask.account_id and h.charge_key = ask.charge_key;
          if found then
            o_outcome := 'existing';
            return next;
            continue;
          end if;
          o_hold_id := ask.hold_id;
          o_amount := ask.amount;
          o_state := 'pending';
          o_expires_at := now() + ask.ttl_ms * interval '1 millisecond';
          if v_held is null then
            o_outcome := 'no_wallet';
            return next;
            continue;
          end if;
          if not v_unlimited and v_balance - v_held < ask.amount then
            o_outcome := 'insufficient_credits';
            return next;
            continue;
          end if;
          if ask.budget is not null then
            update key_budgets b set held = b.held + ask.amount
              where b.key_id = ask.key_id and b.month = v_month and b.spent + b.held + ask.amount <= ask.budget;
            if not found then
              if exists (select from key_budgets b where b.key_id = ask.key_id and b.month = v_month) then
                o_outcome := 'budget_exhausted';
                return next;
                continue;
              end if;
              -- The first request under a budget this month: what the key has spent without one counts.
              select coalesce(sum(r.cost_nanos), 0)::bigint into v_spent from requests r
                where r.key_id = ask.key_id and r.at >= v_month at time zone 'UTC';
              insert into key_budgets (key_id, month, spent, held) values (ask.key_id, v_month, v_spent, 0);
              update key_budgets b set held = b.held + ask.amount
                where b.key_id = ask.key_id and b.month = v_month and b.spent + b.held + ask.amount <= ask.budget;
              if not found then
                o_outcome := 'budget_exhausted';
                return next;
                continue;
              end if;
            end if;
          end if;
          insert into holds (id, account_id, charge_key, amount, request_id, key_id, budget_month, expires_at)
            values (ask.hold_id, ask.account_id, ask.charge_key, ask.amount, ask.request_id, ask.key_id,
              case when ask.budget is null then null else v_month end, o_expires_at);
          v_held := v_held + ask.amount;
          o_outcome := 'reserved';
          return next;
        end loop;
        if v_held <> v_held_before then
          update wallets set held = v_held where account_id = v_account;
        end if;
      end $$`.execute(db);

    // A hold that was resolved before answers as it was resolved; o_state is null for one that there is not.
    await sql`
      create function ledger_resolve(resolutions jsonb)
      returns table (o_n integer, o_state text, o_charged bigint, o_uncollected bigint, o_balance bigint)
      language plpgsql as $$
      declare
        item record;
        v_hold record;
        v_account text;
        v_balance bigint;
        v_held bigint;
        v_unlimited boolean;
        v_changed boolean := false;
      begin
        for item in
          select * from jsonb_to_recordset(resolutions) as a (
            n integer, hold_id text, account_id text, state text, cost bigint, provider_cost bigint, record jsonb
          ) order by a.account_id collate "C", a.n
        loop
          if v_account is distinct from item.account_id then
            if v_changed then
              update wallets set balance = v_balance, held = v_held where account_id = v_account;
            end if;
            v_account := item.account_id;
            v_changed := false;
            select balance, held, unlimited into v_balance, v_held, v_unlimited
              from wallets where account_id = v_account for no key update;
          end if;
          o_n := item.n;
          -- More than was held is taken as far as the wallet reaches without touching other holds.
          update holds h set
              state = item.state,
              resolved_at = now(),
              charged = case when v_unlimited then item.cost
                else least(item.cost, greatest(0, v_balance - v_held + h.amount)) end,
              uncollected = case when v_unlimited then 0
                else greatest(0, item.cost - greatest(0, v_balance - v_held + h.amount)) end
            where h.id = item.hold_id and h.account_id = item.account_id and h.state = 'pending'
            returning h.amount, h.charged, h.uncollected, h.request_id, h.key_id, h.budget_month into v_hold;
          if found then
            v_changed := true;
            v_held := v_held - v_hold.amount;
            v_balance := v_balance - v_hold.charged;
            if v_hold.charged > 0 then
              insert into transfers (kind, account_id, debit, credit, amount, balance_after, hold_id, request_id)
                values ('charge', v_account, 'wallet', 'revenue', v_hold.charged, v_balance, item.hold_id, v_hold.request_id);
            end if;
            if item.provider_cost > 0 then
              insert into transfers (kind, account_id, debit, credit, amount, hold_id, request_id)
                values ('provider_cost', v_account, 'provider_cost', 'external', item.provider_cost, item.hold_id,
                  v_hold.request_id);
            end if;
            if v_hold.budget_month is not null then
              update key_budgets b set held = b.held - v_hold.amount, spent = b.spent + v_hold.charged
                where b.key_id = v_hold.key_id and b.month = v_hold.budget_month;
            end if;
            o_state := item.state;
            o_charged := v_hold.charged;
            o_uncollected := v_hold.uncollected;
          else
            o_state := null;
            select h.state, h.charged, h.uncollected into o_state, o_charged, o_uncollected
              from holds h where h.id = item.hold_id and h.account_id = item.account_id;
          end if;
          if item.record is not null then
            -- The row says what was charged, whatever the work came to.
            insert into requests select r.* from jsonb_populate_record(
              null::requests, item.record || jsonb_build_object('cost_nanos', coalesce(o_charged, 0))
            ) r on conflict (id) do nothing;
          end if;
          o_balance := v_balance;
          return next;
        end loop;
        if v_changed then
          update wallets set balance = v_balance, held = v_held where account_id = v_account;
        end if;
      end $$`.execute(db);

    // Wallets that are busy are left for the next sweep: nobody waits for this one, nor does it wait for anybody.
    await sql`
      create function ledger_expire(most integer) returns integer
      language plpgsql as $$
      declare
        v_account text;
        v_sum bigint;
        v_count integer;
        v_total integer := 0;
      begin
        for v_account in
          select distinct late.account_id from (
            select h.account_id from holds h where h.state = 'pending' and h.expires_at < now()
            order by h.expires_at limit most
          ) late
        loop
          perform from wallets where account_id = v_account for no key update skip locked;
          continue when not found;
          with chosen as (
            select h.id from holds h
            where h.account_id = v_account and h.state = 'pending' and h.expires_at < now() limit most
          ), resolved as (
            update holds h set state = 'expired', resolved_at = now() from chosen where h.id = chosen.id
            returning h.amount, h.key_id, h.budget_month
          ), budgets as (
            update key_budgets b set held = b.held - r.amount
            from (select key_id, budget_month, sum(amount)::bigint as amount from resolved
              where budget_month is not null group by key_id, budget_month) r
            where b.key_id = r.key_id and b.month = r.budget_month
          )
          select coalesce(sum(amount), 0)::bigint, count(*)::integer into v_sum, v_count from resolved;
          update wallets set held = held - v_sum where account_id = v_account;
          v_total := v_total + v_count;
        end loop;
        return v_total;
      end $$`.execute(db);
  },
};
