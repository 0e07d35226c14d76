import type { Kysely } from 'kysely';
import type { Log } from '../core/log.ts';
import type { HoldBook } from './hold-book.ts';
import type { Schema } from './schema.ts';

/** Where everything that must survive is kept: one schema, two engines. */
export interface Database {
  readonly kind: 'embedded' | 'postgres';
  /** Rejects with GatewayError `service_unavailable` where the database cannot be reached. */
  readonly db: Kysely<Schema>;
  /** Holds in this process's memory, where no other process has the database; null: they are rows. */
  readonly book: HoldBook | null;
  /** Resolves once the tables have everything that was acknowledged: before charges and usage are read from them. */
  settled(): Promise<void>;
  /**
   * Hears what any process of this database says on a channel (a plain lower-case name), and gets null after a time in
   * which something may have been missed. Resolves with the way to stop.
   */
  listen(channel: string, hear: (message: string | null) => void): Promise<() => Promise<void>>;
  /** Tells every process that listens; at most 7,000 bytes. */
  notify(channel: string, message: string): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Absolute path; the embedded database lies in it. */
  readonly dataDir: string;
  /** `postgres://…`; null: the embedded database. */
  readonly url: string | null;
  /** Most connections of this process to PostgreSQL. */
  readonly poolSize: number;
  /** Longest wait for a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Longest run of one statement on PostgreSQL, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Off for tests alone: an embedded database that does not wait for the disk. */
  readonly durable?: boolean;
  readonly log: Log;
}

/**
 * Opens the database and brings its tables up to date, under a lock that lets one process at a time do it. Rejects with
 * GatewayError `service_unavailable` and says why: it cannot be reached, or another process has the folder.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const database = await connectDatabase(options);
  try {
    const { migrate } = await import('./migrations/migrate.ts');
    const applied = await migrate(database.db);
    await database.book?.postings.open();
    if (applied.length > 0) options.log.info({ applied }, 'the tables of the database are up to date');
    return database;
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
}

/** Opens the database as it is. What it stands on is imported here: a command that needs no database pays for none. */
export async function connectDatabase(options: DatabaseOptions): Promise<Database> {
  const { dataDir, url, log, durable = true } = options;
  if (url === null) {
    const { openEmbedded } = await import('./embedded/open-embedded.ts');
    return openEmbedded({ dataDir, durable, log });
  }
  const { openPostgres } = await import('./postgres/open-postgres.ts');
  return openPostgres({ ...options, url });
}
