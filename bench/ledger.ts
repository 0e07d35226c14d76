/**
 * What a paid request costs in the database: one hold, and one settlement with its usage row, both waited for. Also how
 * long the embedded database takes to open.
 *
 *     npm run bench:ledger
 *     FLUXSCRIBE_TEST_DATABASE_URL=postgres://… npm run bench:ledger
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../src/core/log.ts';
import { createAccountStore } from '../src/storage/account-store.ts';
import { type Database, openDatabase } from '../src/storage/database.ts';
import { createLedgerStore, type LedgerStore } from '../src/storage/ledger-store.ts';
import { makeTestDatabase, testedKinds } from '../test/helpers/databases.ts';
import { machineLine, quantile } from './support/statistics.ts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const ACCOUNTS = 20;
let next = 0;

console.log(machineLine(os));
await openTimes();
for (const kind of testedKinds) {
  const test = await makeTestDatabase(kind, { durable: true });
  const database = await test.open();
  try {
    await rates(database);
  } finally {
    await database.close();
    await test.remove();
  }
}

async function openTimes(): Promise<void> {
  const dataDir = await mkdtemp(join(os.tmpdir(), 'fluxscribe-bench-'));
  const options = { dataDir, url: null, poolSize: 1, connectTimeoutMs: 1, statementTimeoutMs: 1, log: silentLog };
  for (const name of ['first open, tables made', 'open', 'open again']) {
    const memoryBefore = process.memoryUsage.rss();
    const main = process.threadCpuUsage();
    const startedAt = performance.now();
    const database = await openDatabase(options);
    const { user, system } = process.threadCpuUsage(main);
    const grown = (process.memoryUsage.rss() - memoryBefore) / 2 ** 20;
    console.log(
      `embedded, ${name}: ${Math.round(performance.now() - startedAt)} ms, ${Math.round((user + system) / 1000)} ms CPU of the server's thread, memory grew by ${Math.round(grown)} MiB`,
    );
    await database.close();
  }
  await rm(dataDir, { recursive: true });
}

async function rates(database: Database): Promise<void> {
  const accounts = createAccountStore(database);
  const ledger = createLedgerStore(database);
  const ids: string[] = [];
  for (let index = 0; index < ACCOUNTS; index++) {
    const { id } = await accounts.create({ name: 'bench', planId: 'payg' });
    await ledger.grant({ accountId: id, amountNanos: 10n ** 17n, reference: null, memo: null });
    ids.push(id);
  }
  const selfTime = await statementTime(database);
  console.log(`${database.kind}: an empty statement takes ${selfTime.toFixed(2)} ms`);
  for (const [concurrency, wallets] of [
    [1, 1],
    [16, ACCOUNTS],
    [128, ACCOUNTS],
    [128, 1],
  ] as const) {
    const { requests, latencies, mainMicroseconds, allMicroseconds } = await run(
      ledger,
      ids.slice(0, wallets),
      concurrency,
    );
    console.log(
      `${database.kind}, ${concurrency} at once, ${wallets === 1 ? 'one wallet' : `${wallets} wallets`}: ${Math.round(requests / SECONDS)} requests/s, ` +
        `${quantile(latencies, 0.5).toFixed(1)} ms median, ${quantile(latencies, 0.99).toFixed(1)} ms p99 for both steps, ` +
        `${Math.round(mainMicroseconds / requests)} µs CPU of the server's thread a request, ` +
        `${Math.round(allMicroseconds / requests)} µs of all its threads`,
    );
  }
}

async function statementTime({ db }: Database): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 100; round++) {
    const startedAt = performance.now();
    await db.selectNoFrom((expression) => expression.lit(1).as('one')).execute();
    times.push(performance.now() - startedAt);
  }
  return quantile(times, 0.5);
}

async function run(ledger: LedgerStore, accounts: readonly string[], concurrency: number) {
  const latencies: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  const cpu = process.threadCpuUsage();
  const cpuOfAll = process.cpuUsage();
  const caller = async () => {
    while (performance.now() < until) {
      const id = `req_bench_${next++}`;
      const accountId = accounts[next % accounts.length]!;
      const startedAt = performance.now();
      const hold = await ledger.reserve({
        accountId,
        chargeKey: id,
        amountNanos: 100_000_000n,
        ttlMs: 600_000,
        requestId: id,
        key: null,
      });
      await ledger.settle(hold, {
        costNanos: 16_666_667n,
        providerCostNanos: 5_000_000n,
        record: {
          id,
          atMs: Date.now(),
          accountId,
          keyId: 'key_bench',
          kind: 'transcription',
          model: 'flux-voice',
          routedModel: 'openai/whisper-1',
          provider: 'openai',
          status: 200,
          errorCode: null,
          audioMs: 2_000,
          billedMs: 10_000,
          probedMs: 2_000,
          decodedMs: 2_000,
          vendorMs: 2_000,
          inputTokens: 0,
          outputTokens: 0,
          costNanos: 16_666_667n,
          providerCostNanos: 5_000_000n,
          byok: false,
          latencyMs: 300,
          attempts: [{ provider: 'openai', model: 'whisper-1', outcome: 'ok', latencyMs: 290 }],
        },
      });
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const main = process.threadCpuUsage(cpu);
  const all = process.cpuUsage(cpuOfAll);
  return {
    requests: latencies.length,
    latencies,
    mainMicroseconds: main.user + main.system,
    allMicroseconds: all.user + all.system,
  };
}
