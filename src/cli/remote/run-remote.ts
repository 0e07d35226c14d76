import type { Config } from '../../config/load-config.ts';
import { exitCode } from '../exit-code.ts';
import { UsageError } from '../usage-error.ts';
import { type AdminClient, createAdminClient, RemoteError } from './admin-client.ts';

/** Options that every command against a running server has. */
export interface RemoteOptions {
  readonly url?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/**
 * Does something against a running server; resolves with the exit code. What is not given comes from the settings of this
 * machine: the server's port and the operator's admin key. Rejects with UsageError without a key.
 */
export async function runRemote(
  options: RemoteOptions,
  settings: () => Config,
  work: (client: AdminClient) => Promise<void>,
): Promise<number> {
  const url = options.url ?? `http://127.0.0.1:${settings().port}`;
  const key = options.key ?? settings().adminKey;
  if (key === null) {
    throw new UsageError('Which key? Give one with the scope admin as --key, or in FLUXSCRIBE_KEY.');
  }
  const client = createAdminClient({ url, key });
  try {
    await work(client);
    return exitCode.ok;
  } catch (thrown) {
    if (!(thrown instanceof RemoteError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.failed;
  }
}
