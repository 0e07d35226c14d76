import type { Config } from '../config/load-config.ts';
import { GatewayError } from '../core/errors.ts';
import { databaseOptions } from '../storage/database-options.ts';
import { createLog } from '../telemetry/create-log.ts';
import { exitCode } from './exit-code.ts';

/** Brings the tables of the database up to date, as a start does, and prints what was applied. */
export async function migrateDatabase(config: Config): Promise<number> {
  const { connectDatabase } = await import('../storage/database.ts');
  const { migrate } = await import('../storage/migrations/migrate.ts');
  const log = await createLog({ level: 'warn', format: config.logFormat });
  try {
    const database = await connectDatabase(databaseOptions(config, log));
    try {
      const applied = await migrate(database.db);
      for (const name of applied) process.stdout.write(`${name}\n`);
      process.stderr.write(applied.length === 0 ? 'Nothing to do: the tables are up to date.\n' : 'Done.\n');
      return exitCode.ok;
    } finally {
      await database.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.failed;
  }
}
