import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { it } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { makeTestDatabase } from '../../../test/helpers/databases.ts';
import { DurableFolder } from './durable-folder.ts';
import { startParameters } from './start-parameters.ts';

/** Notes what was synced, and keeps a copy of the folder as a power cut would leave it: with what was synced alone. */
class WatchedFolder extends DurableFolder {
  readonly synced: string[] = [];
  readonly #dir: string;
  readonly #copy: string | null;
  readonly #syncedFiles = new Set<number>();

  constructor(dir: string, copy: string | null) {
    super(dir, false);
    this.#dir = dir;
    this.#copy = copy;
  }

  protected override sync(descriptor: number): void {
    super.sync(descriptor);
    const path = readlinkSync(`/proc/self/fd/${descriptor}`);
    this.synced.push(path);
    if (this.#copy === null) return;
    const status = fstatSync(descriptor);
    if (status.isDirectory()) this.#syncNames(path);
    else {
      this.#syncedFiles.add(status.ino);
      copyFileSync(path, join(this.#copy, relative(this.#dir, path)));
    }
  }

  /** A folder's sync keeps names that came and went, not what is in the files. */
  #syncNames(path: string): void {
    const copy = join(this.#copy ?? '', relative(this.#dir, path));
    const names = new Set(readdirSync(path));
    for (const name of readdirSync(copy)) if (!names.has(name)) rmSync(join(copy, name), { recursive: true });
    for (const name of names) {
      const [from, to] = [join(path, name), join(copy, name)];
      if (existsSync(to)) continue;
      const status = statSync(from);
      if (status.isDirectory()) mkdirSync(to);
      else if (this.#syncedFiles.has(status.ino)) copyFileSync(from, to);
      else writeFileSync(to, '');
    }
  }
}

const skip = process.platform === 'linux' ? false : 'needs /proc to see which file was synced';

it('brings the log of changes to the disk before a commit is answered, and the data at a checkpoint', {
  skip,
}, async () => {
  const test = await makeTestDatabase('embedded');
  const folder = new WatchedFolder(join(test.options.dataDir, 'database'), null);
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

it('has every answered commit after a power cut that leaves only what was synced', { skip }, async () => {
  const test = await makeTestDatabase('embedded');
  const { dataDir } = test.options;
  const [dir, copy] = [join(dataDir, 'database'), join(dataDir, 'synced')];
  cpSync(dir, copy, { recursive: true });
  const folder = new WatchedFolder(dir, copy);
  const pglite = await PGlite.create({ fs: folder, startParams: startParameters(true) });
  const cuts: { readonly left: string; readonly answered: number }[] = [];
  let answered = 0;
  const commit = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await pglite.query(`insert into settings (name, value) values ('cut-${answered}', '{"x":"${'y'.repeat(500)}"}')`);
      answered++;
    }
  };
  const cutPower = () => {
    const left = join(dataDir, `cut-${cuts.length}`);
    cpSync(copy, left, { recursive: true });
    cuts.push({ left, answered });
  };
  try {
    folder.opened();
    await commit(5);
    cutPower();
    // Past a checkpoint, into a new file of the log, with a table whose files are new.
    await pglite.query('checkpoint');
    await pglite.query('select pg_switch_wal()');
    await pglite.query('create table made_later as select generate_series(1, 1000) as a');
    await commit(5);
    cutPower();
  } finally {
    await pglite.close();
  }
  try {
    for (const { left, answered: expected } of cuts) {
      const after = await PGlite.create({ dataDir: left, startParams: startParameters(true) });
      const { rows } = await after.query("select count(*)::integer as count from settings where name like 'cut-%'");
      assert.deepEqual(rows, [{ count: expected }]);
      await after.close();
    }
  } finally {
    await test.remove();
  }
});
