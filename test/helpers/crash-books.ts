import assert from 'node:assert/strict';
import { parseDollars } from '../../src/core/money.ts';
import type { Database } from '../../src/storage/database.ts';
import type { LoadTally } from './crash-load.ts';
import { checkBooks } from './ledger-books.ts';

/** How far a check has come: what it found right stays right. */
export interface CheckedCharges {
  /** Good answers, each with its charge. */
  readonly acknowledged: number;
  /** Charges of requests that nobody got an answer to. */
  readonly unacknowledged: number;
  /** Requests that were answered with an error, none with a charge. */
  readonly refused: number;
}

/**
 * Fails unless the ledger has every good answer of the tally exactly once and at the price that it told, nothing for
 * any other answer, and no more charges beside them than there are requests whose end nobody saw; unless every charge
 * has its request's row at that price; and unless the books are right.
 */
export async function checkAnswered(
  database: Database,
  { replies, unknown }: LoadTally,
  repeaterId: string,
): Promise<CheckedCharges> {
  const rows = await database.db
    .selectFrom('transfers')
    .leftJoin('requests', 'requests.id', 'transfers.request_id')
    .select(['transfers.request_id', 'transfers.account_id', 'amount', 'requests.cost_nanos'])
    .where('transfers.kind', '=', 'charge')
    .execute();
  const charges = Map.groupBy(rows, (row) => row.request_id ?? '');
  for (const [id, all] of charges) {
    assert.equal(all.length, 1, `${id} is charged once`);
    assert.equal(all[0]!.cost_nanos, all[0]!.amount, `the row of ${id} has the price`);
  }
  const left = new Map<string, number>();
  for (const { account_id } of rows) left.set(account_id, (left.get(account_id) ?? 0) + 1);
  let acknowledged = 0;
  for (const { accountId, requestId, status, costUsd } of replies) {
    const [charge] = charges.get(requestId) ?? [];
    if (status !== 200) {
      assert.equal(charge, undefined, `${requestId} was answered with ${status} and is charged`);
      continue;
    }
    assert.deepEqual(
      [charge?.account_id, charge?.amount],
      [accountId, parseDollars(costUsd ?? '')],
      `${requestId} was answered with 200`,
    );
    left.set(accountId, left.get(accountId)! - 1);
    acknowledged++;
  }
  let unacknowledged = 0;
  for (const [accountId, count] of left) {
    if (accountId === repeaterId) continue;
    assert.ok(count <= (unknown.get(accountId) ?? 0), `${count} charges of ${accountId} that nobody asked for`);
    unacknowledged += count;
  }
  await checkBooks(database);
  return { acknowledged, unacknowledged, refused: replies.filter(({ status }) => status !== 200).length };
}

/** Fails unless each repeated piece of work that was answered is charged once, and those that failed are not. */
export async function checkRepeated(database: Database, tally: LoadTally, repeaterId: string): Promise<void> {
  const rows = await database.db
    .selectFrom('transfers')
    .select('amount')
    .where('kind', '=', 'charge')
    .where('account_id', '=', repeaterId)
    .execute();
  assert.equal(tally.repeatedCostsUsd.length + tally.repeatedFailed, tally.repeatedBegun, 'every one has ended');
  assert.equal(rows.length, tally.repeatedCostsUsd.length, 'each is charged once');
  const told = tally.repeatedCostsUsd.reduce((sum, cost) => sum + parseDollars(cost), 0n);
  assert.equal(
    rows.reduce((sum, { amount }) => sum + amount, 0n),
    told,
  );
  assert.deepEqual(tally.wrongReplays, [], 'the same key gives the same answer');
}
