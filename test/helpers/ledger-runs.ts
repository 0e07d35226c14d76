import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Database } from '../../src/storage/database.ts';
import { createLedgerStore } from '../../src/storage/ledger-store.ts';
import type { TestDatabase } from './databases.ts';
import { checkBooks } from './ledger-books.ts';

const script = fileURLToPath(new URL('./ledger-child.ts', import.meta.url));

export interface LedgerRun {
  readonly test: TestDatabase;
  /** Names its charge keys. */
  readonly name: string;
  readonly accountId: string;
  readonly callers: number;
  readonly requests: number | null;
  readonly costNanos: bigint | null;
  /** Kills it this long after it has opened the database; null: it ends by itself. */
  readonly killAfterMs: number | null;
}

/** Runs a process that charges; resolves with every line that it wrote. */
export async function runLedgerChild(run: LedgerRun): Promise<readonly string[]> {
  const { test, name, accountId, callers, requests, costNanos, killAfterMs } = run;
  const { log: _, ...options } = test.options;
  const orders = {
    options: { durable: true, ...options },
    run: name,
    accountId,
    callers,
    requests,
    costNanos: costNanos?.toString() ?? null,
  };
  const child = spawn(process.execPath, [script, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const read = new Promise<void>((resolve) => reader.on('close', resolve));
  const ended = new Promise<string>((resolve) => child.on('exit', (code, signal) => resolve(signal ?? `code ${code}`)));
  const open = new Promise<void>((resolve) => {
    reader.on('line', (line) => {
      lines.push(line);
      if (line === 'open') resolve();
    });
  });
  if (killAfterMs !== null) {
    await Promise.race([open, ended]);
    await sleep(killAfterMs);
    child.kill('SIGKILL');
  }
  const end = await ended;
  await read;
  assert.equal(end, killAfterMs === null ? 'code 0' : 'SIGKILL', `the process of ${name} ended otherwise`);
  return lines;
}

/**
 * Fails unless the database has every charge that was acknowledged in these lines, once and with its amount, and no
 * charge for what was acknowledged as voided; and unless, after its time, no hold is left.
 */
export async function checkAcknowledged(
  database: Database,
  accountId: string,
  lines: readonly string[],
): Promise<number> {
  const { db } = database;
  const rows = await db
    .selectFrom('transfers')
    .select(['request_id', 'amount'])
    .where('account_id', '=', accountId)
    .where('kind', '=', 'charge')
    .execute();
  const charges = new Map<string, bigint[]>();
  for (const { request_id, amount } of rows) {
    const key = request_id ?? '';
    charges.set(key, [...(charges.get(key) ?? []), amount]);
  }
  let settled = 0;
  for (const line of lines) {
    const [what, key = '', amount = ''] = line.split(' ');
    if (what === 'settled') {
      assert.deepEqual(charges.get(key), [BigInt(amount)], `${key} was acknowledged`);
      settled++;
    } else if (what === 'voided' || what === 'refused') {
      assert.equal(charges.get(key), undefined, `${key} costs nothing`);
    }
  }
  const ledger = createLedgerStore(database);
  while ((await ledger.wallet(accountId)).heldNanos !== 0n) {
    await ledger.expire();
    await sleep(50);
  }
  await checkBooks(database, [accountId]);
  return settled;
}
