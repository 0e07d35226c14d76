import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { describeDatabases } from '../../test/helpers/databases.ts';
import { silentLog } from '../core/log.ts';
import { openDatabase } from './database.ts';
import { lockFolder } from './embedded/folder-lock.ts';
import { migrate } from './migrations/migrate.ts';

describeDatabases('database', (database) => {
  it('has nothing to apply once it is open', async () => {
    assert.deepEqual(await migrate(database().db), []);
  });

  it('gives whole numbers of 64 bits as bigint and times as dates', async () => {
    const { rows } = await sql`
      select 9007199254740993 as big, 1::bigint as small, timestamptz '2026-11-21T00:00:00+02:00' as at,
        array['a','b'] as list, '{"a":[1]}'::jsonb as json`.execute(database().db);
    assert.deepEqual(rows, [
      { big: 9007199254740993n, small: 1n, at: new Date('2026-11-20T22:00:00Z'), list: ['a', 'b'], json: { a: [1] } },
    ]);
  });

  it('takes back the whole transaction when one statement of it fails', async () => {
    const { db } = database();
    const failing = db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('settings')
        .values({ name: 'x', value: JSON.stringify({}) })
        .execute();
      await sql`select 1 / 0`.execute(transaction);
    });
    await assert.rejects(failing, { code: '22012' });
    assert.deepEqual(await db.selectFrom('settings').select('name').execute(), []);
  });

  it('never changes or removes a row of the ledger or the audit log', async () => {
    const { db } = database();
    for (const table of ['transfers', 'audit_log'] as const) {
      await assert.rejects(db.deleteFrom(table).execute(), { code: '23001' });
      await assert.rejects(sql`update ${sql.table(table)} set account_id = 'x'`.execute(db), { code: '23001' });
      await assert.rejects(sql`truncate ${sql.table(table)}`.execute(db), { code: '23001' });
    }
  });
});

describe('openDatabase', () => {
  const options = { poolSize: 2, connectTimeoutMs: 2_000, statementTimeoutMs: 5_000, dataDir: '/nowhere' };

  it('says why PostgreSQL cannot be reached, and not where it is', async () => {
    const opening = openDatabase({ ...options, log: silentLog, url: 'postgres://user:secret@127.0.0.1:1/x' });
    await assert.rejects(opening, (error: Error & { code?: string }) => {
      assert.equal(error.code, 'service_unavailable');
      assert.match(error.message, /refuses connections/);
      assert.doesNotMatch(error.message, /secret|127/);
      return true;
    });
  });
});

describe('the folder of the embedded database', () => {
  it('is given back when it cannot be opened, with the reason', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'broken-database-'));
    mkdirSync(join(dataDir, 'database'));
    writeFileSync(join(dataDir, 'database', 'PG_VERSION'), '9.1\n');
    const options = { dataDir, url: null, poolSize: 2, connectTimeoutMs: 1, statementTimeoutMs: 1, log: silentLog };
    try {
      for (let round = 0; round < 2; round++) {
        await assert.rejects(openDatabase(options), { code: 'service_unavailable', message: /cannot be opened/ });
      }
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  it('is never made over files that lie in its place', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'backup-in-part-'));
    mkdirSync(join(dataDir, 'database', 'base'), { recursive: true });
    const options = { dataDir, url: null, poolSize: 2, connectTimeoutMs: 1, statementTimeoutMs: 1, log: silentLog };
    try {
      await assert.rejects(openDatabase(options), { code: 'service_unavailable', message: /no PG_VERSION/ });
      assert.ok(existsSync(join(dataDir, 'database', 'base')));
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });
});

describe('folder lock', () => {
  const withFolder = async (use: (file: string) => Promise<void>) => {
    const dir = mkdtempSync(join(tmpdir(), 'lock-test-'));
    try {
      await use(join(dir, 'data', 'database.lock'));
    } finally {
      rmSync(dir, { recursive: true });
    }
  };

  it('names the process that has the folder, and lets the next one in when it is given back', () =>
    withFolder(async (file) => {
      const first = await lockFolder(file);
      assert.equal(first.lastOwnerClosed, true);
      await assert.rejects(lockFolder(file), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'service_unavailable');
        assert.match(error.message, new RegExp(`process ${process.pid} `));
        return true;
      });
      await first.release();
      const second = await lockFolder(file);
      assert.equal(second.lastOwnerClosed, true);
      await second.release();
    }));

  it('is taken over from a process that is dead, also when its pid lives again', () =>
    withFolder(async (file) => {
      const lock = await lockFolder(file);
      const { readFileSync } = await import('node:fs');
      const owner = JSON.parse(readFileSync(file, 'utf8'));
      await lock.release();
      for (const dead of [
        { ...owner, pid: 4_194_303, startTicks: null },
        { ...owner, startTicks: '1' },
      ]) {
        writeFileSync(file, JSON.stringify(dead));
        const next = await lockFolder(file);
        assert.equal(next.lastOwnerClosed, false);
        await next.release();
      }
    }));

  it('is given to one of many that want it at once', () =>
    withFolder(async (file) => {
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(file)));
      const locks = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert.equal(locks.length, 1);
      await locks[0]?.release();
    }));
});
