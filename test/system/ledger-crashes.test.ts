import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAccountStore } from '../../src/storage/account-store.ts';
import { createLedgerStore } from '../../src/storage/ledger-store.ts';
import { makeTestDatabase, testedKinds } from '../helpers/databases.ts';
import { checkAcknowledged, runLedgerChild } from '../helpers/ledger-runs.ts';

/** FLUXSCRIBE_TEST_CRASHES=300 for a long night. */
const rounds = Number(process.env.FLUXSCRIBE_TEST_CRASHES ?? 20);

describe('crashes under load', () => {
  for (const kind of testedKinds) {
    it(`lose and double nothing in ${rounds} kills on ${kind === 'embedded' ? 'the embedded database' : 'PostgreSQL'}`, async (context) => {
      const test = await makeTestDatabase(kind, { durable: true });
      const lines: string[] = [];
      try {
        const first = await test.open();
        const { id: accountId } = await createAccountStore(first).create({ name: 'x', planId: 'payg' });
        const amountNanos = 1_000_000_000_000n;
        await createLedgerStore(first).grant({ accountId, amountNanos, reference: null, memo: null });
        await first.close();
        let settled = 0;
        for (let round = 1; round <= rounds; round++) {
          const name = `round-${round}`;
          // From before the first statement to some seconds of work.
          const killAfterMs = Math.round(Math.random() ** 2 * 1_500);
          const run = { test, name, accountId, callers: 32, requests: null, costNanos: null, killAfterMs };
          lines.push(...(await runLedgerChild(run)));
          // Every few crashes, so that crashes also follow crashes.
          if (round % 5 !== 0 && round !== rounds) continue;
          const database = await test.open();
          try {
            settled = await checkAcknowledged(database, accountId, lines);
          } finally {
            await database.close();
          }
        }
        assert.ok(settled > 0);
        context.diagnostic(`${settled} acknowledged charges, each there once`);
      } finally {
        await test.remove();
      }
    });
  }
});
