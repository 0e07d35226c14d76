import { join } from 'node:path';
import type { Config } from '../config/load-config.ts';
import { KeyFileError, openFileKeyStore } from '../storage/file-key-store.ts';
import { exitCode } from './exit-code.ts';
import { UsageError } from './usage-error.ts';

/** Makes a new admin key and prints it, alone on standard output so that a script can take it. */
export async function resetAdminKey(config: Config): Promise<number> {
  if (config.adminKey !== null) {
    throw new UsageError('The admin key comes from the settings (FLUXSCRIBE_ADMIN_KEY or adminKey): change it there.');
  }
  try {
    const keys = await openFileKeyStore({ file: join(config.dataDir, 'keys.json'), adminKey: null });
    process.stdout.write(`${await keys.resetAdminKey()}\n`);
    process.stderr.write('This is shown once. Restart the server: it reads its keys when it starts.\n');
    return exitCode.ok;
  } catch (thrown) {
    if (!(thrown instanceof KeyFileError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.failed;
  }
}
