/**
 * A process that charges as fast as it can until it is killed, and writes a line to standard output for each thing that
 * the ledger has acknowledged: `open`, `settled KEY NANOS`, `voided KEY`. Its argument is the database as JSON, the run's
 * name and the account.
 */
import { writeSync } from 'node:fs';
import { z } from 'zod';
import { silentLog } from '../../src/core/log.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { createLedgerStore } from '../../src/storage/ledger-store.ts';

const orders = z
  .object({
    options: z.object({
      dataDir: z.string(),
      url: z.string().nullable(),
      poolSize: z.number(),
      connectTimeoutMs: z.number(),
      statementTimeoutMs: z.number(),
      durable: z.boolean(),
    }),
    run: z.string(),
    accountId: z.string(),
    callers: z.number(),
    /** Ends by itself after this many requests of one caller; null: never. */
    requests: z.number().nullable(),
    /** What every request costs; null: anything up to what it has reserved. */
    costNanos: z.string().nullable(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));
const { options, run, accountId } = orders;

/** Straight to the descriptor: what is written is out of this process, whatever happens to it next. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (thrown) {
      // The pipe is full: its reader is slower.
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN')) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const database = await openDatabase({ ...options, log: silentLog });
const ledger = createLedgerStore(database);
say('open');

async function caller(caller: number): Promise<void> {
  for (let index = 0; index < (orders.requests ?? Number.POSITIVE_INFINITY); index++) {
    const chargeKey = `${run}-${caller}-${index}`;
    const ask = { accountId, chargeKey, amountNanos: 1_000n, ttlMs: 1_000, requestId: chargeKey, key: null };
    let hold: Awaited<ReturnType<typeof ledger.reserve>>;
    try {
      hold = await ledger.reserve(ask);
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'insufficient_credits')) throw thrown;
      say(`refused ${chargeKey}`);
      continue;
    }
    if (orders.costNanos === null && index % 5 === 4) {
      const receipt = await ledger.void(hold, null);
      if (receipt.state === 'voided') say(`voided ${chargeKey}`);
      continue;
    }
    const costNanos =
      orders.costNanos === null ? BigInt((caller * 7 + index * 13) % 1_000) + 1n : BigInt(orders.costNanos);
    const receipt = await ledger.settle(hold, { costNanos, providerCostNanos: 1n, record: null });
    if (receipt.state === 'settled') say(`settled ${chargeKey} ${receipt.chargedNanos}`);
  }
}

await Promise.all(Array.from({ length: orders.callers }, (_, index) => caller(index)));
await database.close();
say('closed');
