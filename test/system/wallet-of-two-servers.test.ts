import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { silentLog } from '../../src/core/log.ts';
import { parseDollars } from '../../src/core/money.ts';
import { createAccountStore } from '../../src/storage/account-store.ts';
import type { Database } from '../../src/storage/database.ts';
import { openKeyDirectory } from '../../src/storage/key-directory.ts';
import { createLedgerStore } from '../../src/storage/ledger-store.ts';
import { freePolicy } from '../helpers/callers.ts';
import { makeTestDatabase, type TestDatabase, testedKinds } from '../helpers/databases.ts';
import { checkBooks } from '../helpers/ledger-books.ts';
import { runCli } from '../helpers/run-cli.ts';
import { type ServerProcess, serverKey, startServer, until } from '../helpers/start-server.ts';

const skip = testedKinds.includes('postgres') ? false : 'FLUXSCRIBE_TEST_DATABASE_URL is not set';
/** examples/hello.wav is shorter than the ten seconds that flux-voice costs at least. */
const price = (parseDollars('0.10') + 5n) / 6n;
const clip = readFileSync(new URL('../../examples/hello.wav', import.meta.url));

describe('two servers on one PostgreSQL', { skip, timeout: 300_000 }, () => {
  let test: TestDatabase;
  let database: Database;
  let servers: ServerProcess[] = [];
  before(async () => {
    test = await makeTestDatabase('postgres');
    database = await test.open();
    const env = { DATABASE_URL: test.options.url ?? '', FLUXSCRIBE_ENGINE_WORKERS: '1' };
    servers = await Promise.all([startServer(env), startServer(env)]);
  });
  after(async () => {
    for (const server of servers) await server.stop();
    await database?.close();
    await test?.remove();
  });

  const transcribe = async (server: ServerProcess, key: string) => {
    const form = new FormData();
    form.set('file', new Blob([clip]), 'clip.wav');
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
    const body = (await response.json()) as { error?: { code: string } };
    return `${response.status} ${body.error?.code ?? 'ok'}`;
  };
  const newKey = async (amountNanos: bigint) => {
    const { id } = await createAccountStore(database).create({ name: 'Crowd', planId: 'payg' });
    await createLedgerStore(database).grant({ accountId: id, amountNanos, reference: null, memo: null });
    const keys = await openKeyDirectory(database, silentLog);
    const { key, record } = await keys.create(id, 'crowd', freePolicy);
    await keys.close();
    return { id, key, keyId: record.id };
  };

  it('serve exactly 20 of 200 requests at once on a wallet that can pay for 20', async () => {
    const { id, key } = await newKey(20n * price + price - 1n);
    const outcomes = await Promise.all(Array.from({ length: 200 }, (_, index) => transcribe(servers[index % 2]!, key)));
    const counts = Map.groupBy(outcomes, (outcome) => outcome);
    const summary = Object.fromEntries([...counts].map(([outcome, all]) => [outcome, all.length]));
    assert.deepEqual(summary, { '200 ok': 20, '402 insufficient_credits': 180 });
    const { balanceNanos, heldNanos } = await createLedgerStore(database).wallet(id);
    assert.deepEqual([balanceNanos, heldNanos], [price - 1n, 0n]);
    await checkBooks(database, [id]);
    // Refused ones are written down in company, within a second.
    await until('every request has its row', 10_000, async () => {
      const rows = await database.db.selectFrom('requests').select('id').where('account_id', '=', id).execute();
      return rows.length === 200;
    });
  });

  it('refuse a key within a second of its end on either of them', async () => {
    const { id, key, keyId } = await newKey(10n * price);
    for (const server of servers) assert.equal(await transcribe(server, key), '200 ok');
    const response = await fetch(`${servers[0]!.url}/api/accounts/${id}/keys/${keyId}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${serverKey}` },
    });
    assert.equal(response.status, 204);
    assert.equal(await transcribe(servers[0]!, key), '401 invalid_api_key');
    await until('the other server knows', 5_000, async () => (await transcribe(servers[1]!, key)).startsWith('401'));
  });

  it('take a new admin key of the command line at once, and the old one no longer', async () => {
    const reset = async () => {
      const env = { DATABASE_URL: test.options.url ?? '', FLUXSCRIBE_DATA: servers[0]!.dataDir };
      const { code, stdout } = await runCli(['keys', 'reset-admin'], { cwd: servers[0]!.dataDir, env });
      assert.equal(code, 0);
      return stdout.trim();
    };
    const first = await reset();
    for (const server of servers) assert.equal(await transcribe(server, first), '200 ok');
    const second = await reset();
    assert.equal(await transcribe(servers[0]!, second), '200 ok');
    await until('the old key ends', 5_000, async () => (await transcribe(servers[1]!, first)).startsWith('401'));
  });

  it('give the first answer again, whichever of them is asked', async () => {
    const { id, key } = await newKey(10n * price);
    const ask = async (server: ServerProcess) => {
      const form = new FormData();
      form.set('file', new Blob([clip]), 'clip.wav');
      const headers = { authorization: `Bearer ${key}`, 'idempotency-key': 'the same on both' };
      return fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
    };
    const [first, again] = [await ask(servers[0]!), await ask(servers[1]!)];
    assert.deepEqual([first.status, again.status, await again.text()], [200, 200, await first.text()]);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal((await createLedgerStore(database).wallet(id)).balanceNanos, 9n * price);
  });
});
