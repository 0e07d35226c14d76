/**
 * Runs the tests with node's own runner: all that need nothing but this repository, or with `--full` the slow and
 * whole-system ones in `test/system/` and, on a PostgreSQL and a Redis that are started for them where they are installed,
 * those of the database, of the admin API over it and of shared limits. Other words are parts of paths: `node scripts/run-tests.ts config` runs the tests of `src/config`.
 */
import { spawn } from 'node:child_process';
import { sourceFiles } from './check/source-files.ts';
import { startTestPostgres, type TestPostgres } from './test-postgres.ts';
import { startTestRedis, type TestRedis } from './test-redis.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const full = process.argv.includes('--full');
/** Tests that have more to say where there is a PostgreSQL or a Redis. */
const onBothDatabases = /^((src|test)\/storage\/|src\/limits\/|test\/api\/admin\/|test\/cli\/migrate\.)/;
const files = sourceFiles('.test.ts')
  .filter((file) => file.startsWith('test/system/') === full || (full && onBothDatabases.test(file)))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));

if (files.length === 0) {
  console.error('There is no such test.');
  process.exit(1);
}

// Whole-system tests measure memory and load every core: one at a time.
const concurrency = full ? 1 : 2;
// A test that hangs must fail by name instead of holding up everything.
const timeoutMs = full ? 20 * 60_000 : 3 * 60_000;
let postgres: TestPostgres | null = null;
let redis: TestRedis | null = null;
let redisUrl = process.env.FLUXSCRIBE_TEST_REDIS_URL;
if (full && !redisUrl) {
  redis = await startTestRedis();
  redisUrl = redis?.url;
  if (redis === null) console.error('Redis is not installed here: its tests are skipped.');
}
let databaseUrl = process.env.FLUXSCRIBE_TEST_DATABASE_URL;
if (full && !databaseUrl) {
  postgres = await startTestPostgres();
  databaseUrl = postgres?.url;
  if (postgres === null) console.error('PostgreSQL is not installed here: its tests are skipped.');
}
const child = spawn(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${timeoutMs}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...files,
  ],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(databaseUrl && { FLUXSCRIBE_TEST_DATABASE_URL: databaseUrl }),
      ...(redisUrl && { FLUXSCRIBE_TEST_REDIS_URL: redisUrl }),
    },
  },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('close', async (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1);
  await Promise.all([postgres?.stop(), redis?.stop()]);
});
