import { join } from 'node:path';
import { sql } from 'kysely';
import type { AccountStore, PlanStore } from './auth/account-store.ts';
import type { AuditLog } from './auth/audit-log.ts';
import type { KeyDirectory } from './auth/key-directory.ts';
import { hashKey } from './auth/key-store.ts';
import type { ProviderKeyStore } from './auth/provider-key-store.ts';
import { createSecretBox } from './auth/secret-box.ts';
import type { Config } from './config/load-config.ts';
import type { Log } from './core/log.ts';
import { Secret } from './core/secret.ts';
import type { IdempotencyStore } from './metering/idempotency-store.ts';
import type { Ledger } from './metering/ledger.ts';
import type { UsageStore } from './metering/usage-store.ts';
import { createAccountStore } from './storage/account-store.ts';
import { importAdminKeys, makeAdminKey } from './storage/admin-keys.ts';
import { createAuditLog } from './storage/audit-log.ts';
import { type Database, openDatabase } from './storage/database.ts';
import { databaseOptions } from './storage/database-options.ts';
import { type FileKeyStore, openFileKeyStore } from './storage/file-key-store.ts';
import { createIdempotencyStore } from './storage/idempotency-store.ts';
import { openKeyDirectory } from './storage/key-directory.ts';
import { createLedgerStore } from './storage/ledger-store.ts';
import { createPlanStore } from './storage/plan-store.ts';
import { createProviderKeyStore } from './storage/provider-key-store.ts';
import { startUpkeep } from './storage/upkeep.ts';
import { openUsageStore } from './storage/usage-store.ts';

/** Everything of a server that lies in its database: who may, who pays, and what was done. */
export interface Accounts {
  readonly database: Database;
  readonly accounts: AccountStore;
  readonly plans: PlanStore;
  readonly keys: KeyDirectory;
  readonly providerKeys: ProviderKeyStore;
  readonly ledger: Ledger;
  readonly usage: UsageStore;
  readonly idempotency: IdempotencyStore;
  readonly audit: AuditLog;
  /**
   * Makes the operator's admin key when there is none yet and resolves with it: the one moment at which it is known.
   * null: there is one, in the settings, the file or the database. Of several processes at once, one makes it.
   */
  makeAdminKey(): Promise<string | null>;
  /** `ok`, or what is wrong with the database in constant words. */
  check(): string;
  /** Writes down what waits, ends what runs and closes the database; requests are over by then. */
  close(): Promise<void>;
}

/** How often the database is asked whether it is there, for `/readyz`. */
const checkEveryMs = 5_000;

/**
 * Opens the database, with its tables up to date and the operator's keys in it. Rejects with GatewayError
 * `service_unavailable` where it cannot be opened, and with KeyFileError for a damaged key file.
 */
export async function openAccounts({ config, log }: { config: Config; log: Log }): Promise<Accounts> {
  // Before the database, which takes longer to close than to open: a damaged file ends the start at once.
  const file = await openFileKeyStore({ file: join(config.dataDir, 'keys.json'), adminKey: config.adminKey });
  const database = await openDatabase(databaseOptions(config, log));
  try {
    await importKeys(database, file, config);
    const keys = await openKeyDirectory(database, log);
    const ledger = createLedgerStore(database);
    const usage = openUsageStore(database, log);
    const idempotency = createIdempotencyStore(database);
    if (database.kind === 'embedded') await idempotency.freeAll();
    const providerKeys = createProviderKeyStore(
      database,
      createSecretBox(config.masterKeys.map((key) => new Secret(key))),
    );
    const resealing = resealOldKeys(providerKeys, config, log);
    const { usageRetentionDays: retentionDays } = config.database;
    const upkeep = startUpkeep({ ledger, usage, idempotency, keys, retentionDays, log });
    const watch = watchDatabase(database, log);
    return {
      database,
      accounts: createAccountStore(database),
      plans: createPlanStore(database),
      keys,
      providerKeys,
      ledger,
      usage,
      idempotency,
      audit: createAuditLog(database),
      async makeAdminKey() {
        if (config.adminKey !== null) return null;
        if (database.kind === 'postgres') return makeAdminKey(database);
        const key = await file.makeAdminKey();
        await importKeys(database, file, config);
        return key;
      },
      check: () => watch.state(),
      async close() {
        watch.stop();
        await Promise.all([upkeep.stop(), resealing]);
        await ledger.idle();
        await usage.close();
        await keys.close();
        await database.close();
      },
    };
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
}

/** The embedded database follows the key file beside it; PostgreSQL belongs to several processes with a folder each. */
async function importKeys(database: Database, file: FileKeyStore, { adminKey }: Config): Promise<void> {
  await importAdminKeys(database, {
    fileHash: file.adminHash(),
    settingHash: adminKey === null ? null : hashKey(adminKey),
    otherKeys: file.otherKeys(),
    addOnly: database.kind === 'postgres',
  });
}

/** Older master keys are needed until this has ended, which the log says. */
async function resealOldKeys(keys: ProviderKeyStore, { masterKeys }: Config, log: Log): Promise<void> {
  if (masterKeys.length < 2) return;
  try {
    const count = await keys.reseal();
    log.info({ count }, 'the vendor keys of accounts are all sealed under the first master key; the others may go');
  } catch (thrown) {
    log.warn({ err: thrown }, 'vendor keys of accounts are still sealed under an older master key, which must stay');
  }
}

function watchDatabase({ db }: Database, log: Log) {
  let state = 'ok';
  const look = async () => {
    try {
      await sql`select 1`.execute(db);
      if (state !== 'ok') log.info({}, 'the database answers again');
      state = 'ok';
    } catch (thrown) {
      if (state === 'ok') log.error({ err: thrown }, 'the database does not answer');
      state = 'does not answer';
    }
  };
  const timer = setInterval(() => void look(), checkEveryMs);
  timer.unref();
  return { state: () => state, stop: () => clearInterval(timer) };
}
