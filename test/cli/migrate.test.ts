import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeTestDatabase, type TestDatabase, testedKinds } from '../helpers/databases.ts';
import { runCli } from '../helpers/run-cli.ts';

describe('fluxscribe migrate', () => {
  let cwd = '';
  let test: TestDatabase;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fluxscribe-cli-'));
    test = await makeTestDatabase('embedded');
  });
  after(async () => {
    await test.remove();
    await rm(cwd, { recursive: true });
  });

  it('says that there is nothing to do, and that another process has the database', async () => {
    const env = { FLUXSCRIBE_DATA: test.options.dataDir };
    const done = await runCli(['migrate'], { cwd, env });
    assert.deepEqual([done.code, done.stdout], [0, '']);
    assert.match(done.stderr, /^Nothing to do/m);
    const database = await test.open();
    try {
      const refused = await runCli(['migrate'], { cwd, env });
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, new RegExp(`in use by process ${process.pid} `));
    } finally {
      await database.close();
    }
  });

  it('prints what it applied, one name a line', async (context) => {
    if (!testedKinds.includes('postgres')) return context.skip('FLUXSCRIBE_TEST_DATABASE_URL is not set');
    const empty = await makeTestDatabase('postgres');
    try {
      const env = { DATABASE_URL: empty.options.url ?? '' };
      const { code, stdout } = await runCli(['migrate'], { cwd, env });
      assert.equal(code, 0);
      assert.match(stdout, /^0001-accounts\n(\d{4}-[a-z-]+\n)+$/);
    } finally {
      await empty.remove();
    }
  });

  it('says why PostgreSQL cannot be reached, and shows no password', async () => {
    const env = { DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/x' };
    const { code, stderr } = await runCli(['migrate'], { cwd, env });
    assert.equal(code, 1);
    assert.equal(stderr, 'The database refuses connections: is PostgreSQL running at the address in DATABASE_URL?\n');
    const wrong = await runCli(['migrate'], { cwd, env: { DATABASE_URL: 'mysql://user:secret@host/x' } });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /^DATABASE_URL \(database\.url\): must be/);
    assert.doesNotMatch(wrong.stderr, /secret/);
  });
});
