import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { GatewayError } from '../../core/errors.ts';
import type { Schema } from '../schema.ts';
import { accountTables } from './0001-accounts.ts';
import { ledgerTables } from './0002-ledger.ts';
import { usageTables } from './0003-usage.ts';
import { ledgerFunctions } from './0004-ledger-functions.ts';
import { lengthCheck } from './0005-length-check.ts';
import { chargeAtOnce } from './0006-charge-at-once.ts';
import { repeatedWork } from './0007-repeated-work.ts';
import { postCharges } from './0008-post-charges.ts';

/**
 * Every change of the tables, oldest first. A name that was released is never changed, nor is what it does: databases
 * remember the names. Imported, not read from a folder, so that the built package has them.
 */
const migrations: Readonly<Record<string, Migration>> = {
  '0001-accounts': accountTables,
  '0002-ledger': ledgerTables,
  '0003-usage': usageTables,
  '0004-ledger-functions': ledgerFunctions,
  '0005-length-check': lengthCheck,
  '0006-charge-at-once': chargeAtOnce,
  '0007-repeated-work': repeatedWork,
  '0008-post-charges': postCharges,
};

/**
 * Brings the tables up to date in one transaction, under an advisory lock on PostgreSQL: of several replicas that start
 * at once, one does it and the others wait. Resolves with the names of what was applied, none when all was there.
 * Rejects with GatewayError `service_unavailable` when the database was made by a newer version.
 */
export async function migrate(db: Kysely<Schema>): Promise<readonly string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  await refuseNewer(db);
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return (results ?? []).map((result) => result.migrationName);
}

async function refuseNewer(db: Kysely<Schema>): Promise<void> {
  const known = new Set(Object.keys(migrations));
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  const unknown = rows.find((row) => !known.has(row.name));
  if (unknown) {
    throw new GatewayError(
      'service_unavailable',
      `The database was made by a newer version of fluxscribe, which has applied ${unknown.name}: run that version.`,
    );
  }
}
