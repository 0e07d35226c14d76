import assert from 'node:assert/strict';
import { sql } from 'kysely';
import type { Database } from '../../src/storage/database.ts';

/**
 * Fails unless the books are right: every wallet is the sum of its transfers and of its pending holds, what is left is
 * never below zero, every settled hold has one charge of its amount and no other hold has any, running balances add up,
 * and the sum over all sides is zero. `accounts`: only these are looked at. Resolves with the balance of each side.
 */
export async function checkBooks(
  database: Database,
  accounts: readonly string[] | null = null,
): Promise<Map<string, bigint>> {
  await database.settled();
  const { db } = database;
  const only = accounts === null ? sql`true` : sql`account_id in (${sql.join(accounts)})`;
  const { rows: wallets } = await sql<{ account_id: string }>`
    select account_id, balance, held, unlimited, sum, pending from (
      select w.*,
        coalesce((select sum(case when debit = 'wallet' then -amount else amount end) from transfers t
          where t.account_id = w.account_id and balance_after is not null), 0)::bigint as sum,
        coalesce((select sum(amount) from holds h where h.account_id = w.account_id and state = 'pending'), 0)::bigint
          as pending
      from wallets w
    ) checked
    where ${only} and (balance <> sum or held <> pending or (not unlimited and balance - held < 0))`.execute(db);
  assert.deepEqual(wallets, [], 'wallets are the sums of what moved');

  const { rows: holds } = await sql`
    select id, state, charged, moved, charges from (
      select h.id, h.account_id, h.state, h.charged, coalesce(sum(t.amount), 0)::bigint as moved, count(t.id) as charges
      from holds h left join transfers t on t.hold_id = h.id and t.kind = 'charge' group by h.id
    ) checked
    where ${only} and (moved <> charged or charges > 1 or (state <> 'settled' and charges > 0))`.execute(db);
  assert.deepEqual(holds, [], 'every charge belongs to one settled hold');

  const { rows: steps } = await sql`
    select id from (
      select id, account_id, balance_after - case when debit = 'wallet' then -amount else amount end as before,
        coalesce(lag(balance_after) over (partition by account_id order by id), 0) as previous
      from transfers where balance_after is not null
    ) checked
    where ${only} and before <> previous`.execute(db);
  assert.deepEqual(steps, [], 'running balances follow one another');

  const { rows: sides } = await sql<{ side: string; balance: bigint }>`
    select side, sum(amount)::bigint as balance from (
      select account_id, debit as side, -amount as amount from transfers
      union all select account_id, credit, amount from transfers
    ) both_sides where ${only} group by side`.execute(db);
  const balances = new Map(sides.map(({ side, balance }) => [side, balance]));
  assert.equal(
    [...balances.values()].reduce((total, balance) => total + balance, 0n),
    0n,
    'the sum over all sides is zero',
  );
  return balances;
}
