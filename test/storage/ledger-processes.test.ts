import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAccountStore } from '../../src/storage/account-store.ts';
import { createLedgerStore } from '../../src/storage/ledger-store.ts';
import { makeTestDatabase, type TestDatabase, testedKinds } from '../helpers/databases.ts';
import { checkBooks } from '../helpers/ledger-books.ts';
import { checkAcknowledged, runLedgerChild } from '../helpers/ledger-runs.ts';

const dollar = 1_000_000_000n;

async function newAccount(test: TestDatabase, nanos: bigint): Promise<string> {
  const database = await test.open();
  try {
    const { id } = await createAccountStore(database).create({ name: 'x', planId: 'payg' });
    await createLedgerStore(database).grant({ accountId: id, amountNanos: nanos, reference: null, memo: null });
    return id;
  } finally {
    await database.close();
  }
}

for (const kind of testedKinds) {
  describe(`processes that charge on ${kind === 'embedded' ? 'the embedded database' : 'PostgreSQL'}`, () => {
    it('has every acknowledged charge once after kill -9, and no hold beyond its time', async () => {
      const test = await makeTestDatabase(kind, { durable: true });
      try {
        const accountId = await newAccount(test, dollar);
        const killAfterMs = 150 + Math.round(Math.random() * 350);
        const run = { test, name: 'killed', accountId, callers: 8, requests: null, costNanos: null, killAfterMs };
        const lines = await runLedgerChild(run);
        const database = await test.open();
        try {
          assert.ok((await checkAcknowledged(database, accountId, lines)) > 0);
        } finally {
          await database.close();
        }
      } finally {
        await test.remove();
      }
    });

    it('serves exactly as many of 200 requests as the wallet can pay, over two processes', async (context) => {
      if (kind === 'embedded') return context.skip('the embedded database serves one process');
      const test = await makeTestDatabase(kind);
      try {
        const accountId = await newAccount(test, 20_000n);
        const run = { test, accountId, callers: 100, requests: 1, costNanos: 1_000n, killAfterMs: null };
        const lines = await Promise.all(['left', 'right'].map((name) => runLedgerChild({ ...run, name })));
        const database = await test.open();
        try {
          assert.equal(lines.flat().filter((line) => line.startsWith('settled ')).length, 20);
          assert.equal(lines.flat().filter((line) => line.startsWith('refused ')).length, 180);
          const wallet = await createLedgerStore(database).wallet(accountId);
          assert.deepEqual([wallet.balanceNanos, wallet.heldNanos], [0n, 0n]);
          await checkBooks(database);
        } finally {
          await database.close();
        }
      } finally {
        await test.remove();
      }
    });
  });
}

describe('the embedded database', () => {
  it('refuses a second process and names the first', async () => {
    const test = await makeTestDatabase('embedded');
    const database = await test.open();
    try {
      await assert.rejects(test.open(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'service_unavailable');
        assert.match(error.message, new RegExp(`process ${process.pid} `));
        return true;
      });
    } finally {
      await database.close();
      await test.remove();
    }
  });
});
