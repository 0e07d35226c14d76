import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { freePort } from '../../scripts/test-service.ts';
import { silentLog } from '../../src/core/log.ts';
import { parseDollars } from '../../src/core/money.ts';
import { createAccountStore } from '../../src/storage/account-store.ts';
import type { Database } from '../../src/storage/database.ts';
import { openKeyDirectory } from '../../src/storage/key-directory.ts';
import { createLedgerStore } from '../../src/storage/ledger-store.ts';
import { freePolicy } from '../helpers/callers.ts';
import { checkAnswered, checkRepeated } from '../helpers/crash-books.ts';
import { type LoadTally, startCrashLoad } from '../helpers/crash-load.ts';
import { makeTestDatabase, type TestDatabase, testedKinds } from '../helpers/databases.ts';
import { answerJson, answerTruncated, formOf, startFakeVendor, type VendorBehaviour } from '../helpers/fake-vendor.ts';
import { descendantsOf, isAlive } from '../helpers/process-tree.ts';
import { speech } from '../helpers/speech.ts';
import { type ServerChild, serverKey, spawnServer, until } from '../helpers/start-server.ts';

/** FLUXSCRIBE_TEST_SERVER_CRASHES=300 for an hour or two. */
const rounds = Number(process.env.FLUXSCRIBE_TEST_SERVER_CRASHES ?? 8);
/** Rounds between two looks at the books; crashes shall also follow crashes. */
const roundsPerCheck = 10;
/** A caller's share of the machine: more would only make the server's start slower. */
const width = 12;
const startTimeoutMs = 120_000;
/** A round takes seconds, on a busy machine more. */
const timeoutMs = (rounds + 10) * 60_000;

const catalogue = `
aliases:
  - { id: house, name: House, price: { per_minute_usd: "0.10", minimum_seconds: 0 }, models: [openai/whisper-1] }
`;

/** Does what the prompt says; the load is this process's too, so that nothing is kept of it. */
const obedient: VendorBehaviour = async (request, response) => {
  const prompt = (await formOf(request)).get('prompt');
  await sleep(Math.random() ** 3 * 40);
  const order = prompt === 'flaky' && Math.random() < 0.4 ? 'fail-500' : prompt;
  if (order === 'fail-500') return answerJson({ error: { message: 'down' } }, 500)(request, response);
  if (order === 'fail-400') return answerJson({ error: { message: 'no', code: 'bad' } }, 400)(request, response);
  if (order === 'cut') return answerTruncated('{"text":"My uncle')(request, response);
  return answerJson({ text: speech.text })(request, response);
};

/** Some callers with much, one with little, and one who is never refused. */
async function makeCallers(database: Database) {
  const accounts = createAccountStore(database);
  const ledger = createLedgerStore(database);
  const keys = await openKeyDirectory(database, silentLog);
  const make = async (planId: string, dollars: string | null, monthlyDollars: string | null = null) => {
    const { id: accountId } = await accounts.create({ name: 'Crowd', planId });
    const amountNanos = parseDollars(dollars ?? '0');
    if (amountNanos > 0n) await ledger.grant({ accountId, amountNanos, reference: null, memo: null });
    const policies = [null, monthlyDollars].map((one) => ({
      monthlyBudgetNanos: one === null ? null : parseDollars(one),
    }));
    const made = policies.map(async (policy) => {
      const { key } = await keys.create(accountId, 'crowd', { ...freePolicy, ...policy });
      return { accountId, key };
    });
    return Promise.all(made);
  };
  const repeaters = await make('payg', '100000');
  const callers = [
    ...(await make('payg', '100000', '50000')),
    ...(await make('payg', '100000')),
    ...(await make('payg', (rounds * 0.05).toFixed(2))),
    ...(await make('unlimited', null)),
  ];
  await keys.close();
  return { callers, repeater: repeaters[0]! };
}

/** Kills it with all that it has started, or alone; then those must end by themselves. */
async function kill(server: ServerChild, orphans: Set<number>): Promise<void> {
  const below = descendantsOf(server.pid).map(({ pid }) => pid);
  if (Math.random() < 0.5) process.kill(-server.pid, 'SIGKILL');
  else server.child.kill('SIGKILL');
  const { signal } = await server.exited;
  assert.equal(signal, 'SIGKILL', `the server ended by itself:\n${server.output()}`);
  for (const pid of below) orphans.add(pid);
}

/** Resolves when somebody has got an answer from this server. */
async function firstAnswer(server: ServerChild, { replies }: LoadTally): Promise<void> {
  const before = replies.length;
  await until('the first answer', startTimeoutMs, () => {
    const { exitCode, signalCode } = server.child;
    if (exitCode !== null || signalCode !== null) throw new Error(`The server did not start:\n${server.output()}`);
    return replies.length > before;
  });
}

async function isFree(url: string, accountId: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${serverKey}` };
  const response = await fetch(`${url}/api/accounts/${accountId}/wallet`, { headers });
  const { held_usd: held } = (await response.json()) as { held_usd: string };
  return parseDollars(held) === 0n;
}

/** As if the holds of the dead had come to their time, which is minutes. */
async function letHoldsRunOut({ db }: Database): Promise<void> {
  await sql`update holds set expires_at = now() where state = 'pending'`.execute(db);
}

async function withDatabase<Result>(
  test: TestDatabase,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = await test.open();
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function runCrashes(test: TestDatabase, diagnostic: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-crashes-'));
  const vendor = await startFakeVendor((request, response) => {
    vendor.requests.length = 0;
    return obedient(request, response);
  });
  const catalogueFile = join(folder, 'own.yaml');
  await writeFile(catalogueFile, catalogue);
  const { callers, repeater } = await withDatabase(test, makeCallers);
  const port = await freePort();
  const env = {
    PORT: String(port),
    FLUXSCRIBE_DATA: test.kind === 'embedded' ? test.options.dataDir : join(folder, 'data'),
    ...(test.options.url !== null && { DATABASE_URL: test.options.url }),
    FLUXSCRIBE_CATALOGUE_FILE: catalogueFile,
    FLUXSCRIBE_ENGINE_WORKERS: '1',
    FLUXSCRIBE_AUDIO_WORKERS: '1',
    FLUXSCRIBE_LIMITS_REQUEST_BASE_SECONDS: '10',
    FLUXSCRIBE_LOG_LEVEL: 'error',
    // What fails, fails: the callers here try again themselves.
    FLUXSCRIBE_ROUTING_RETRIES: '0',
    FLUXSCRIBE_ROUTING_BREAKER_FAILURES: '1000',
    OPENAI_API_KEY: 'sk-vendor',
    OPENAI_BASE_URL: `${vendor.url}/v1`,
  };
  const url = `http://127.0.0.1:${port}`;
  const load = startCrashLoad({ url, model: 'house', callers, repeater, width });
  const orphans = new Set<number>();
  let server: ServerChild | null = null;
  let abandoned = 0;
  const look = () =>
    withDatabase(test, async (database) => {
      const found = await checkAnswered(database, load.tally, repeater.accountId);
      const { count } = await database.db
        .selectFrom('holds')
        .select(({ fn }) => fn.countAll<bigint>().as('count'))
        .where('state', '=', 'pending')
        .executeTakeFirstOrThrow();
      abandoned = Math.max(abandoned, Number(count));
      await letHoldsRunOut(database);
      return found;
    });
  try {
    for (let round = 1; round <= rounds; round++) {
      server = await spawnServer(env);
      // Some die while they start, recovery included; the others at work.
      if (Math.random() < 0.15) {
        await sleep(Math.random() * 2_500);
      } else {
        await firstAnswer(server, load.tally);
        // Mostly soon, when everything happens for the first time.
        await sleep(Math.random() ** 2 * 3_000);
      }
      await kill(server, orphans);
      if (round % roundsPerCheck !== 0 && round !== rounds) continue;
      const { acknowledged, refused } = await look();
      if (round % 50 === 0) diagnostic(`${round} kills: ${acknowledged} charges, ${refused} refusals`);
    }
    // One that lives: it ends what the others left, and everybody gets an answer.
    server = await spawnServer(env);
    await firstAnswer(server, load.tally);
    await load.finish();
    const accountIds = new Set([...callers, repeater].map(({ accountId }) => accountId));
    for (const id of accountIds) await until(`nothing is held for ${id}`, 60_000, () => isFree(url, id));
    server.child.kill('SIGTERM');
    assert.deepEqual(await server.exited, { code: 0, signal: null }, server.output());
    server = null;
    const { acknowledged, unacknowledged, refused } = await withDatabase(test, async (database) => {
      const pending = await database.db.selectFrom('holds').selectAll().where('state', '=', 'pending').execute();
      assert.deepEqual(pending, [], 'no hold is left');
      await checkRepeated(database, load.tally, repeater.accountId);
      return await checkAnswered(database, load.tally, repeater.accountId);
    });
    await until('every process of the dead has ended', 10_000, () => ![...orphans].some(isAlive));
    assert.ok(acknowledged > 0);
    const { repeatedCostsUsd, repeatedFailed, replayed } = load.tally;
    diagnostic(
      `${rounds} kills: ${acknowledged} answers charged once each, ${unacknowledged} charged whose answer was lost, ` +
        `${refused} refusals free; ${repeatedCostsUsd.length} repeated until answered and charged once each, ` +
        `${repeatedFailed} failed and free, ${replayed} answers given again; up to ${abandoned} holds left by the dead`,
    );
  } finally {
    server?.child.kill('SIGKILL');
    await load.stop();
    await vendor.close();
    await rm(folder, { recursive: true, force: true });
  }
}

describe('a server that is killed under load', () => {
  for (const kind of testedKinds) {
    const name = kind === 'embedded' ? 'the embedded database' : 'PostgreSQL';
    it(`has charged every answer once and nothing else after ${rounds} kills on ${name}`, {
      timeout: timeoutMs,
    }, async (context) => {
      const test = await makeTestDatabase(kind, { durable: true });
      try {
        await runCrashes(test, (line) => context.diagnostic(line));
      } finally {
        await test.remove();
      }
    });
  }
});
