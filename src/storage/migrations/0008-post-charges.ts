import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Charges that are decided and lie in the journal of the one process that has the database; what is left to do is writing
 * them. `befores` says what it takes each wallet to have: where that is wrong nothing is written at all
 * (`serialization_failure`). `position` is how far the journal is in the database then, so that none is written twice.
 *
 * The lists from `ats` on are rows of `transfers`; `records` has rows of `requests` as JSON.
 */
export const postCharges: Migration = {
  async up(db) {
    await sql`
      create table ledger_journal (
        one boolean primary key default true check (one),
        position bigint not null
      )`.execute(db);
    await sql`insert into ledger_journal (position) values (0)`.execute(db);
    await sql`
      create function ledger_post(
        wallets text[], befores bigint[], afters bigint[],
        ats timestamptz[], kinds text[], accounts text[], debits text[], credits text[], amounts bigint[],
        balances bigint[], holds text[], requests text[], memos text[],
        budget_keys text[], budget_months date[], budget_amounts bigint[], records json, new_position bigint
      )
      returns void
      language plpgsql as $$
      #variable_conflict use_column
      declare
        v_count integer;
      begin
        update wallets w set balance = m.after
          from unnest(wallets, befores, afters) as m (account, before, after)
          where w.account_id = m.account and w.balance = m.before;
        get diagnostics v_count = row_count;
        if v_count <> cardinality(wallets) then
          raise exception 'a wallet has changed' using errcode = 'serialization_failure';
        end if;
        insert into transfers
            (at, kind, account_id, debit, credit, amount, balance_after, hold_id, request_id, memo)
          select * from unnest(ats, kinds, accounts, debits, credits, amounts, balances, holds, requests, memos);
        if cardinality(budget_keys) > 0 then
          update key_budgets b set spent = b.spent + m.amount
            from unnest(budget_keys, budget_months, budget_amounts) as m (key_id, month, amount)
            where b.key_id = m.key_id and b.month = m.month;
        end if;
        if records is not null then
          insert into requests (id, at, account_id, key_id, kind, model, routed_model, provider, status, error_code,
              audio_ms, billed_ms, probed_ms, decoded_ms, vendor_ms, input_tokens, output_tokens, cost_nanos,
              provider_cost_nanos, byok, lengths_disagree, latency_ms, attempts)
            select * from json_to_recordset(records) as r (
              id text, at timestamptz, account_id text, key_id text, kind text, model text, routed_model text,
              provider text, status smallint, error_code text, audio_ms bigint, billed_ms bigint, probed_ms bigint,
              decoded_ms bigint, vendor_ms bigint, input_tokens bigint, output_tokens bigint, cost_nanos bigint,
              provider_cost_nanos bigint, byok boolean, lengths_disagree boolean, latency_ms integer, attempts jsonb
            ) on conflict (id) do nothing;
        end if;
        update ledger_journal set position = new_position;
      end $$`.execute(db);
  },
};
