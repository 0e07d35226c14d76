import { join } from 'node:path';
import type { Config } from '../config/load-config.ts';
import { GatewayError } from '../core/errors.ts';
import { databaseOptions } from '../storage/database-options.ts';
import { KeyFileError, openFileKeyStore } from '../storage/file-key-store.ts';
import { createLog } from '../telemetry/create-log.ts';
import { exitCode } from './exit-code.ts';
import { UsageError } from './usage-error.ts';

/** Makes a new admin key and prints it, alone on standard output so that a script can take it. */
export async function resetAdminKey(config: Config): Promise<number> {
  if (config.adminKey !== null) {
    throw new UsageError('The admin key comes from the settings (FLUXSCRIBE_ADMIN_KEY or adminKey): change it there.');
  }
  try {
    const { key, note } = config.database.url === null ? await resetInFile(config) : await resetInDatabase(config);
    process.stdout.write(`${key}\n`);
    process.stderr.write(`This is shown once. ${note}\n`);
    return exitCode.ok;
  } catch (thrown) {
    const isExpected = thrown instanceof KeyFileError || thrown instanceof GatewayError;
    if (!isExpected) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.failed;
  }
}

/** The embedded database takes the key over from the file when it is opened; a running server has it open now. */
async function resetInFile({ dataDir }: Config) {
  const keys = await openFileKeyStore({ file: join(dataDir, 'keys.json'), adminKey: null });
  const note = 'A server that runs knows the old key alone until it is restarted: it reads its keys when it starts.';
  return { key: await keys.resetAdminKey(), note };
}

/** PostgreSQL tells all servers at once. */
async function resetInDatabase(config: Config) {
  const [{ openDatabase }, { replaceAdminKey }] = await Promise.all([
    import('../storage/database.ts'),
    import('../storage/admin-keys.ts'),
  ]);
  const log = await createLog({ level: 'warn', format: config.logFormat });
  const database = await openDatabase(databaseOptions(config, log));
  try {
    return { key: await replaceAdminKey(database), note: 'It counts from now on, on servers that run too.' };
  } finally {
    await database.close();
  }
}
