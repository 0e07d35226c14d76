import { join } from 'node:path';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Database } from '../database.ts';
import { HoldBook } from '../hold-book.ts';
import type { Schema } from '../schema.ts';
import { ChargeJournal } from './charge-journal.ts';
import { EmbeddedConnection } from './embedded-connection.ts';
import { lockFolder } from './folder-lock.ts';

export interface EmbeddedOptions {
  /** Data folder of the process; the database lies in `database` in it, its lock beside that. */
  readonly dataDir: string;
  /** Whether every commit waits for the disk. Off for tests alone. */
  readonly durable: boolean;
  readonly log: Log;
}

/**
 * PostgreSQL inside a server process has no checkpointer and no autovacuum: without them its log of changes grows by
 * every commit, a restart after a crash replays all of it, and dead row versions stay for ever. So this does both.
 */
const checkpointEveryMs = 60_000;
/** Vacuum every this many checkpoints: hourly. */
const checkpointsPerVacuum = 60;

/** Opens the embedded database. Rejects with GatewayError `service_unavailable` when it is locked or cannot be opened. */
export async function openEmbedded({ dataDir, durable, log }: EmbeddedOptions): Promise<Database> {
  const dir = join(dataDir, 'database');
  const lock = await lockFolder(join(dataDir, 'database.lock'));
  const startedAt = performance.now();
  const afterCrash = !lock.lastOwnerClosed;
  const connection = new EmbeddedConnection({ dir, durable, afterCrash }, (error) =>
    log.error({ err: error }, 'the embedded database ended; restart the server'),
  );
  let journal: ChargeJournal;
  try {
    await connection.waitReady;
    journal = await ChargeJournal.open(join(dir, 'ledger-journal'), durable);
  } catch (thrown) {
    await connection.close();
    await lock.release();
    throw new GatewayError(
      'service_unavailable',
      `The embedded database in ${dir} cannot be opened: ${thrown instanceof Error ? thrown.message : thrown}`,
      { cause: thrown },
    );
  }
  const openMs = Math.round(performance.now() - startedAt);
  log.info({ openMs, afterCrash }, 'the embedded database is open');
  const db = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite: connection }) });
  const book = new HoldBook(db, journal, log);
  const upkeep = keepUp(db, log);
  return {
    kind: 'embedded',
    db,
    book,
    settled: () => book.postings.flush(),
    async listen() {
      // One process has the folder: there is nobody to hear from.
      return async () => undefined;
    },
    async notify() {},
    async close() {
      await upkeep.stop();
      try {
        await book.postings.close();
      } finally {
        await db.destroy();
        await connection.close();
        await lock.release();
      }
    },
  };
}

function keepUp(db: Kysely<Schema>, log: Log): { stop(): Promise<void> } {
  let round = 0;
  let lastPosition = '';
  let running = Promise.resolve();
  const once = async () => {
    const { rows } = await sql<{ position: string }>`select pg_current_wal_insert_lsn()::text as position`.execute(db);
    const position = rows[0]?.position ?? '';
    // Nothing was written since: an idle server leaves the disk alone.
    if (position === lastPosition) return;
    if (++round % checkpointsPerVacuum === 0) await sql`vacuum (analyze)`.execute(db);
    await sql`checkpoint`.execute(db);
    const after = await sql<{ position: string }>`select pg_current_wal_insert_lsn()::text as position`.execute(db);
    lastPosition = after.rows[0]?.position ?? '';
  };
  const timer = setInterval(() => {
    running = once().catch((error: unknown) => log.warn({ err: error }, 'upkeep of the embedded database failed'));
  }, checkpointEveryMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
