import { type Selectable, sql, type Transaction } from 'kysely';
import { z } from 'zod';
import type { Plan, PlanPrice, PlanStore } from '../auth/account-store.ts';
import { GatewayError } from '../core/errors.ts';
import { noted } from './audit-log.ts';
import type { Database } from './database.ts';
import { announceChange } from './key-changes.ts';
import type { PlansTable, Schema } from './schema.ts';

/** More plans than any price list has; the list has no pages. */
const maxPlans = 1_000;

export function createPlanStore(database: Database): PlanStore {
  const { db } = database;
  return {
    async list() {
      const rows = await db.selectFrom('plans').selectAll().orderBy('id').limit(maxPlans).execute();
      return rows.map(planOf);
    },
    async find(id) {
      const row = await db.selectFrom('plans').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? planOf(row) : null;
    },
    create: (plan, note) =>
      noted(db, note, async (transaction) => {
        const { count } = await transaction
          .selectFrom('plans')
          .select(sql<bigint>`count(*)`.as('count'))
          .executeTakeFirstOrThrow();
        if (count >= maxPlans) {
          throw new GatewayError('conflict', `There are ${maxPlans} plans already.`, { param: 'id' });
        }
        const row = await transaction
          .insertInto('plans')
          .values({ id: plan.id, ...requiredColumns(plan), ...columnsOf(plan) })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .returningAll()
          .executeTakeFirst();
        if (!row) throw new GatewayError('conflict', 'There is a plan of this id already.', { param: 'id' });
        return planOf(row);
      }),
    async update(id, change, note) {
      const plan = await noted(db, note, async (transaction) => {
        if (change.billing !== undefined) await checkBilling(transaction, id, change.billing);
        const row = await transaction
          .updateTable('plans')
          .set({ ...columnsOf(change), updated_at: sql`now()` })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst();
        if (!row) throw new GatewayError('not_found', 'There is no such plan.');
        return planOf(row);
      });
      await announceChange(database, { plan: id });
      return plan;
    },
  };
}

/** The wallets of its accounts were opened for the way in which it bills. */
async function checkBilling(transaction: Transaction<Schema>, id: string, billing: Plan['billing']): Promise<void> {
  const plan = await transaction
    .selectFrom('plans')
    .select('billing')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (!plan || plan.billing === billing) return;
  const account = await transaction
    .selectFrom('accounts')
    .select('id')
    .where('plan_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  if (account) {
    throw new GatewayError('conflict', 'Accounts have this plan: make another one that bills otherwise.', {
      param: 'billing',
    });
  }
}

function requiredColumns({ name, transcription, billing }: Omit<Plan, 'builtIn'>) {
  return { name, transcription, billing, prices: '{}' };
}

/** The columns of what is given; left out is left alone. */
function columnsOf(plan: Partial<Omit<Plan, 'builtIn'>>) {
  return {
    ...(plan.name !== undefined && { name: plan.name }),
    ...(plan.transcription !== undefined && { transcription: plan.transcription }),
    ...(plan.billing !== undefined && { billing: plan.billing }),
    ...(plan.allowedModels !== undefined && { allowed_models: plan.allowedModels && [...plan.allowedModels] }),
    ...(plan.maxUploadBytes !== undefined && {
      max_upload_bytes: plan.maxUploadBytes === null ? null : BigInt(plan.maxUploadBytes),
    }),
    ...(plan.requestsPerMinute !== undefined && { requests_per_minute: plan.requestsPerMinute }),
    ...(plan.audioSecondsPerMinute !== undefined && { audio_seconds_per_minute: plan.audioSecondsPerMinute }),
    ...(plan.maxConcurrent !== undefined && { max_concurrent: plan.maxConcurrent }),
    ...(plan.maxLiveStreams !== undefined && { max_live_streams: plan.maxLiveStreams }),
    ...(plan.prices !== undefined && { prices: JSON.stringify(mapValues(plan.prices, priceJson)) }),
  };
}

export function planOf(row: Selectable<PlansTable>): Plan {
  return {
    id: row.id,
    name: row.name,
    builtIn: row.built_in,
    transcription: row.transcription,
    billing: row.billing,
    allowedModels: row.allowed_models,
    maxUploadBytes: row.max_upload_bytes === null ? null : Number(row.max_upload_bytes),
    requestsPerMinute: row.requests_per_minute,
    audioSecondsPerMinute: row.audio_seconds_per_minute,
    maxConcurrent: row.max_concurrent,
    maxLiveStreams: row.max_live_streams,
    prices: mapValues(pricesSchema.parse(row.prices), priceOf),
  };
}

const nanos = z.string().regex(/^\d{1,19}$/);
const pricesSchema = z.record(
  z.string(),
  z.object({ nanos_per_minute: nanos, minimum_ms: z.number(), live_nanos_per_minute: nanos.nullable() }),
);
type PriceJson = z.infer<typeof pricesSchema>[string];

function priceJson({ nanosPerMinute, minimumMs, liveNanosPerMinute }: PlanPrice): PriceJson {
  return {
    nanos_per_minute: nanosPerMinute.toString(),
    minimum_ms: minimumMs,
    live_nanos_per_minute: liveNanosPerMinute === null ? null : liveNanosPerMinute.toString(),
  };
}

function priceOf({ nanos_per_minute, minimum_ms, live_nanos_per_minute }: PriceJson): PlanPrice {
  return {
    nanosPerMinute: BigInt(nanos_per_minute),
    minimumMs: minimum_ms,
    liveNanosPerMinute: live_nanos_per_minute === null ? null : BigInt(live_nanos_per_minute),
  };
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
