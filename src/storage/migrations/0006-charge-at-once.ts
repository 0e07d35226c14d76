import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Both steps in one, for wallets that are never refused: the hold is made and ended in the same commit, when the work is
 * done. A wallet that refuses after all (its account has changed to a plan that pays) is charged nothing; the request's
 * row is written either way.
 */
export const chargeAtOnce: Migration = {
  async up(db) {
    await sql`
      create function ledger_charge(asks jsonb, resolutions jsonb)
      returns table (o_n integer, o_state text, o_charged bigint, o_uncollected bigint, o_balance bigint)
      language plpgsql as $$
      begin
        perform from ledger_reserve(asks);
        return query select * from ledger_resolve(resolutions);
      end $$`.execute(db);
  },
};
