import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Log } from '../../core/log.ts';
import type { Database } from '../database.ts';
import type { Schema } from '../schema.ts';
import { translatedPool, unavailable } from './connection-errors.ts';
import { openListener } from './listener.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly log: Log;
}

/** Connections that nobody used for this long are closed. */
const idleTimeoutMs = 60_000;

/** Opens a pool and makes sure that the database answers. Rejects with GatewayError `service_unavailable`. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, poolSize, connectTimeoutMs, statementTimeoutMs, log } = options;
  const settings: pg.PoolConfig = {
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: idleTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // The server's own timeout answers first; this one is for a server that is gone without a word.
    query_timeout: statementTimeoutMs + 5_000,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    keepAlive: true,
    application_name: 'fluxscribe',
    options: '-c timezone=UTC',
    types: { getTypeParser: parserOf },
  };
  let pool: pg.Pool;
  try {
    pool = new pg.Pool(settings);
  } catch (thrown) {
    throw unavailable(thrown, 'DATABASE_URL is no address of a PostgreSQL database.');
  }
  // A connection that breaks while nobody uses it: the pool replaces it; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: translatedPool(pool) }) });
  const listener = openListener(settings, log);
  try {
    await sql`select 1`.execute(db);
  } catch (thrown) {
    await db.destroy();
    throw thrown;
  }
  return {
    kind: 'postgres',
    db,
    book: null,
    async settled() {},
    listen: (channel, hear) => listener.listen(channel, hear),
    async notify(channel, message) {
      await sql`select pg_notify(${channel}, ${message})`.execute(db);
    },
    async close() {
      await listener.close();
      await db.destroy();
    },
  };
}

/** bigint as BigInt: as a number it would lose digits, as text every sum would be a string. */
function parserOf(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === pg.types.builtins.INT8) return BigInt;
  return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text');
}
