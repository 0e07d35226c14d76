import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { makeTestDatabase } from '../../../test/helpers/databases.ts';
import { DurableFolder } from './durable-folder.ts';
import { startParameters } from './start-parameters.ts';

class CountingFolder extends DurableFolder {
  readonly synced: string[] = [];
  protected override sync(descriptor: number): void {
    super.sync(descriptor);
    this.synced.push(readlinkSync(`/proc/self/fd/${descriptor}`));
  }
}

const skip = process.platform === 'linux' ? false : 'needs /proc to see which file was synced';

it('brings the log of changes to the disk before a commit is answered, and the data at a checkpoint', {
  skip,
}, async () => {
  const test = await makeTestDatabase('embedded');
  const folder = new CountingFolder(join(test.options.dataDir, 'database'), false);
  const pglite = await PGlite.create({ fs: folder, startParams: startParameters(true) });
  try {
    folder.opened();
    const synced = async (statement: string) => {
      folder.synced.length = 0;
      await pglite.query(statement);
      return folder.synced;
    };
    for (let round = 0; round < 3; round++) {
      const files = await synced(`insert into settings (name, value) values ('a${round}', '{}')`);
      assert.ok(files.length >= 1);
      for (const file of files) assert.match(file, /\/pg_wal\/[0-9A-F]{24}$/);
    }
    assert.deepEqual(await synced('select 1'), []);
    const files = await synced('checkpoint');
    assert.ok(files.some((file) => file.includes('/base/')));
    assert.ok(files.some((file) => file.endsWith('/global/pg_control')));
  } finally {
    await pglite.close();
    await test.remove();
  }
});
