import type { Log } from '../core/log.ts';
import type { DatabaseOptions } from './database.ts';

/** The settings that a database is opened by, as `config` has them. */
export interface DatabaseSettings {
  readonly dataDir: string;
  readonly database: {
    readonly url: string | null;
    readonly poolSize: number;
    readonly connectSeconds: number;
    readonly statementSeconds: number;
  };
}

export function databaseOptions({ dataDir, database }: DatabaseSettings, log: Log): DatabaseOptions {
  return {
    dataDir,
    url: database.url,
    poolSize: database.poolSize,
    connectTimeoutMs: Math.round(database.connectSeconds * 1000),
    statementTimeoutMs: Math.round(database.statementSeconds * 1000),
    log,
  };
}
