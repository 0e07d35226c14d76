import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { sql } from 'kysely';
import { makeTestDatabase, type TestDatabase } from '../../test/helpers/databases.ts';
import { checkBooks } from '../../test/helpers/ledger-books.ts';
import { requestRecord } from '../../test/helpers/request-records.ts';
import { createAccountStore } from './account-store.ts';
import type { Database } from './database.ts';
import { createLedgerStore } from './ledger-store.ts';

const noReference = { reference: null, memo: null };

/** Pays 10 for one request with its row, of which the vendor takes 3. */
async function pay(database: Database, accountId: string, requestId: string): Promise<void> {
  const ledger = createLedgerStore(database);
  const ask = { accountId, chargeKey: requestId, amountNanos: 20n, ttlMs: 60_000, requestId, key: null };
  const record = requestRecord({ id: requestId, accountId, keyId: 'key_1' });
  await ledger.settle(await ledger.reserve(ask), { costNanos: 10n, providerCostNanos: 3n, record });
}

async function counts(database: Database): Promise<readonly number[]> {
  await database.settled();
  const { rows } = await sql<{ charges: number; vendor: number; requests: number }>`
    select (select count(*) from transfers where kind = 'charge')::integer as charges,
      (select coalesce(sum(amount), 0) from transfers where kind = 'provider_cost')::integer as vendor,
      (select count(*) from requests)::integer as requests`.execute(database.db);
  return rows.flatMap(({ charges, vendor, requests }) => [charges, vendor, requests]);
}

async function withDatabase(work: (test: TestDatabase, folder: (name: string) => string) => Promise<void>) {
  const test = await makeTestDatabase('embedded');
  try {
    await work(test, (name) => join(test.options.dataDir, name));
  } finally {
    await test.remove();
  }
}

it('what was acknowledged is in the tables after a crash, once, however far the database had come', async () => {
  await withDatabase(async (test, folder) => {
    const first = await test.open();
    const { id } = await createAccountStore(first).create({ name: 'x', planId: 'payg' });
    await createLedgerStore(first).grant({ accountId: id, amountNanos: 100n, ...noReference });
    await pay(first, id, 'req_1');
    await first.close();
    await cp(folder('database'), folder('database.before'), { recursive: true });

    const second = await test.open();
    await pay(second, id, 'req_2');
    await pay(second, id, 'req_3');
    await cp(folder('database/ledger-journal'), folder('journal.full'), { recursive: true });
    assert.deepEqual(await counts(second), [3, 9, 3]);
    await second.close();

    for (const database of ['database', 'database.before']) {
      const other = await makeTestDatabase('embedded');
      try {
        await rm(join(other.options.dataDir, 'database'), { recursive: true });
        await cp(folder(database), join(other.options.dataDir, 'database'), { recursive: true });
        await cp(folder('journal.full'), join(other.options.dataDir, 'database', 'ledger-journal'), {
          recursive: true,
        });
        const third = await other.open();
        assert.deepEqual(await counts(third), [3, 9, 3], `opened with the ${database}`);
        assert.equal((await createLedgerStore(third).wallet(id)).balanceNanos, 70n);
        await pay(third, id, 'req_4');
        assert.deepEqual(await counts(third), [4, 12, 4]);
        await checkBooks(third);
        await third.close();
      } finally {
        await other.remove();
      }
    }
  });
});

it('a wallet that somebody else has emptied is charged what it has left, and never more', async () => {
  await withDatabase(async (test) => {
    const database = await test.open();
    const [left, right] = await Promise.all(
      [1, 2].map(() => createAccountStore(database).create({ name: 'x', planId: 'payg' })),
    );
    assert.ok(left && right);
    const ledger = createLedgerStore(database);
    for (const { id } of [left, right]) await ledger.grant({ accountId: id, amountNanos: 100n, ...noReference });
    await pay(database, left.id, 'req_1');
    await pay(database, right.id, 'req_2');
    await sql`update wallets set balance = 4 where account_id = ${left.id}`.execute(database.db);
    assert.equal((await ledger.wallet(left.id)).balanceNanos, 0n);
    assert.equal((await ledger.wallet(right.id)).balanceNanos, 90n);
    const [charge] = (await ledger.entries(left.id, { limit: 1, cursor: null })).items;
    assert.deepEqual([charge?.amountNanos, charge?.memo], [-4n, 'the wallet lacked $0.000000006']);
    await checkBooks(database, [right.id]);
    await database.close();
  });
});
