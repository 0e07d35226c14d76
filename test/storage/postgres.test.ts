import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { makeTestDatabase, type TestDatabase, testedKinds } from '../helpers/databases.ts';

const skip = testedKinds.includes('postgres') ? false : 'FLUXSCRIBE_TEST_DATABASE_URL is not set';

describe('PostgreSQL', { skip }, () => {
  let test: TestDatabase;
  let database: Database;
  before(async () => {
    test = await makeTestDatabase('postgres');
    database = await openDatabase({ ...test.options, poolSize: 2, connectTimeoutMs: 1_000, statementTimeoutMs: 1_000 });
  });
  after(async () => {
    await database.close();
    await test.remove();
  });
  const inTransaction = (work: () => Promise<void>) => database.db.transaction().execute(work);
  const unavailable = { code: 'service_unavailable', status: 503 };

  it('answers 503 when no connection comes free in time, and works again when one does', async () => {
    let free = () => {};
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const holders = [inTransaction(() => held), inTransaction(() => held)];
    await assert.rejects(sql`select 1`.execute(database.db), unavailable);
    free();
    await Promise.all(holders);
    await sql`select 1`.execute(database.db);
  });

  it('ends statements that take too long with 503', async () => {
    await assert.rejects(sql`select pg_sleep(5)`.execute(database.db), unavailable);
    await sql`select 1`.execute(database.db);
  });

  it('goes on after its connections were cut, and hears that it may have missed something', async () => {
    const heard: (string | null)[] = [];
    const stop = await database.listen('fluxscribe_test', (message) => heard.push(message));
    const until = async (wanted: string | null) => {
      while (!heard.includes(wanted)) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await database.notify('fluxscribe_test', 'one');
    await until('one');
    const other = await test.open();
    try {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.execute(other.db);
    } finally {
      await other.close();
    }
    await until(null);
    await sql`select 1`.execute(database.db);
    await database.notify('fluxscribe_test', 'two');
    await until('two');
    await stop();
  });

  it('applies the tables once when several start at one time', async () => {
    const empty = await makeTestDatabase('postgres');
    const opened = await Promise.all([empty.open(), empty.open(), empty.open()]);
    await Promise.all(opened.map((one) => one.close()));
    await empty.remove();
  });
});
