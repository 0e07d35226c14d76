import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import pg from 'pg';
import lockfile from 'proper-lockfile';
import { silentLog } from '../../src/core/log.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/storage/database.ts';

/** One database of a test file. */
export interface TestDatabase {
  readonly kind: Database['kind'];
  readonly name: string;
  /** How to open it; a second process may do so on PostgreSQL, or after `close` on the embedded one. */
  readonly options: DatabaseOptions;
  /** Opens it; a test that calls this closes what it got. */
  open(): Promise<Database>;
  remove(): Promise<void>;
}

/** A PostgreSQL on which databases may be made, such as `postgres://postgres@127.0.0.1:5432/postgres`. */
const serverUrl = process.env.FLUXSCRIBE_TEST_DATABASE_URL || null;

/**
 * The same promises on both databases: the embedded one always, PostgreSQL where FLUXSCRIBE_TEST_DATABASE_URL says
 * where. `body` gets a function for the open database, which all tests of the block share.
 */
export function describeDatabases(
  name: string,
  body: (database: () => Database, test: () => TestDatabase) => void,
): void {
  for (const kind of ['embedded', 'postgres'] as const) {
    const skip = kind === 'postgres' && serverUrl === null ? 'FLUXSCRIBE_TEST_DATABASE_URL is not set' : false;
    describe(`${name} on ${kind === 'embedded' ? 'the embedded database' : 'PostgreSQL'}`, { skip }, () => {
      let test: TestDatabase | null = null;
      let open: Database | null = null;
      before(async () => {
        test = await makeTestDatabase(kind);
        open = await test.open();
      });
      body(
        () => given(open),
        () => given(test),
      );
      // Last, so that what the body closes in its own hooks finds the database open.
      after(async () => {
        await open?.close();
        await test?.remove();
      });
    });
  }
}

/** Which databases this run has. */
export const testedKinds: readonly Database['kind'][] = serverUrl === null ? ['embedded'] : ['embedded', 'postgres'];

/** An empty database of its own, with all tables once it is opened. */
export async function makeTestDatabase(
  kind: Database['kind'],
  { durable = false }: { durable?: boolean } = {},
): Promise<TestDatabase> {
  return kind === 'embedded' ? makeEmbedded(durable) : makePostgres();
}

const common = { poolSize: 4, connectTimeoutMs: 10_000, statementTimeoutMs: 60_000, log: silentLog };

async function makeEmbedded(durable: boolean): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'fluxscribe-database-'));
  await placeEmptyDatabase(dataDir);
  const options = { ...common, dataDir, url: null, durable };
  return {
    kind: 'embedded',
    name: dataDir,
    options,
    open: () => openDatabase(options),
    remove: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** Puts an embedded database with all tables into a data folder, as a first start would in a few seconds. */
export async function placeEmptyDatabase(dataDir: string): Promise<void> {
  await cp(await templateFolder(), join(dataDir, 'database'), { recursive: true });
}

/** An embedded database with all tables takes seconds to make, so one is made for all runs with these migrations. */
async function templateFolder(): Promise<string> {
  const digest = await migrationsDigest();
  const template = join(tmpdir(), `fluxscribe-empty-database-${digest}`);
  const release = await lockfile.lock(template, {
    realpath: false,
    stale: 60_000,
    retries: { retries: 600, minTimeout: 100, maxTimeout: 500 },
  });
  try {
    await readFile(join(template, 'PG_VERSION')).catch(async () => {
      const dataDir = await mkdtemp(join(tmpdir(), 'fluxscribe-database-'));
      const database = await openDatabase({ ...common, dataDir, url: null, durable: false });
      await database.close();
      await rename(join(dataDir, 'database'), template);
      await rm(dataDir, { recursive: true });
    });
    return template;
  } finally {
    await release();
  }
}

async function migrationsDigest(): Promise<string> {
  const { createHash } = await import('node:crypto');
  const { readdir } = await import('node:fs/promises');
  const folder = new URL('../../src/storage/migrations/', import.meta.url);
  const digest = createHash('sha256');
  for (const name of (await readdir(folder)).sort()) digest.update(name).update(await readFile(new URL(name, folder)));
  digest.update(await readFile(new URL('../../node_modules/@electric-sql/pglite/package.json', import.meta.url)));
  return digest.digest('hex').slice(0, 16);
}

async function makePostgres(): Promise<TestDatabase> {
  const name = `fluxscribe_test_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${name}`);
  const url = new URL(given(serverUrl));
  url.pathname = `/${name}`;
  const options = { ...common, dataDir: tmpdir(), url: url.href };
  return {
    kind: 'postgres',
    name,
    options,
    open: () => openDatabase(options),
    remove: () => onServer(`drop database if exists ${name} with (force)`),
  };
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: given(serverUrl) });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function given<Value>(value: Value | null): Value {
  if (value === null) throw new Error('The database of this test is not open.');
  return value;
}
