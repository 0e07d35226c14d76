import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Log } from '../core/log.ts';
import { invalidCursor, type PageAsk, pageOf, readCursor } from '../core/page.ts';
import type {
  RequestFilter,
  RequestRecord,
  UsageAsk,
  UsageGroup,
  UsageRow,
  UsageStore,
} from '../metering/usage-store.ts';
import type { Database } from './database.ts';
import { reconcile } from './reconcile.ts';
import { requestJson, requestRecord } from './request-row.ts';
import type { Schema } from './schema.ts';
import { readTimeCursor } from './time-cursor.ts';

/** Rows without a hold wait this long for company … */
const flushEveryMs = 1_000;
/** … and are dropped, which is logged, when this many wait: then the database is away, and memory is worth more. */
const maxWaiting = 20_000;
const rowsAtOnce = 500;

export interface OpenUsageStore extends UsageStore {
  /** Writes what waits. */
  close(): Promise<void>;
}

export function openUsageStore(database: Database, log: Log): OpenUsageStore {
  const { db } = database;
  let waiting: RequestRecord[] = [];
  let writing = Promise.resolve();
  const write = async () => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, rowsAtOnce);
      try {
        await insertRows(db, batch);
      } catch (thrown) {
        waiting = [...batch, ...waiting];
        log.warn({ err: thrown, rows: waiting.length }, 'usage rows could not be written; they are tried again');
        return;
      }
    }
  };
  const flush = () => {
    writing = writing.then(write);
    return writing;
  };
  const timer = setInterval(flush, flushEveryMs);
  timer.unref();

  return {
    record(record) {
      if (waiting.length >= maxWaiting) {
        log.error({ requestId: record.id }, 'a usage row was dropped: too many wait for the database');
        return;
      }
      waiting.push(record);
    },
    flush,
    async list(filter, page) {
      await database.settled();
      return list(db, filter, page);
    },
    async find(id, accountId) {
      await database.settled();
      const row = await db
        .selectFrom('requests')
        .selectAll()
        .where('id', '=', id)
        .$if(accountId !== null, (query) => query.where('account_id', '=', accountId ?? ''))
        .executeTakeFirst();
      return row ? requestRecord(row) : null;
    },
    async sum(ask, page) {
      await database.settled();
      return sum(db, ask, page);
    },
    async reconcile(ask) {
      await database.settled();
      return reconcile(db, ask);
    },
    async prune(olderThanMs, most) {
      const { numDeletedRows } = await db
        .deleteFrom('requests')
        .where('id', 'in', (query) =>
          query.selectFrom('requests').select('id').where('at', '<', new Date(olderThanMs)).orderBy('at').limit(most),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}

async function insertRows(db: Kysely<Schema>, records: readonly RequestRecord[]): Promise<void> {
  const json = JSON.stringify(records.map(requestJson));
  await sql`
    insert into requests select * from jsonb_populate_recordset(null::requests, ${json}::jsonb)
    on conflict (id) do nothing`.execute(db);
}

async function list(db: Kysely<Schema>, filter: RequestFilter, { limit, cursor }: PageAsk) {
  const place = readTimeCursor(cursor);
  const rows = await filtered(db.selectFrom('requests'), filter)
    .selectAll()
    .select(sql<string>`at::text`.as('cursor_at'))
    .$if(filter.failedOnly, (query) => query.where('status', '>=', 400))
    .$if(place !== null, (query) => query.where(sql<boolean>`(at, id) < (${place?.at}::timestamptz, ${place?.id})`))
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, (row) => [row.cursor_at, row.id], requestRecord);
}

function filtered<Output>(
  query: SelectQueryBuilder<Schema, 'requests', Output>,
  { fromMs, toMs, accountId, keyId, model, provider }: Omit<RequestFilter, 'failedOnly'>,
) {
  return query
    .$if(fromMs !== null, (some) => some.where('at', '>=', new Date(fromMs ?? 0)))
    .$if(toMs !== null, (some) => some.where('at', '<', new Date(toMs ?? 0)))
    .$if(accountId !== null, (some) => some.where('account_id', '=', accountId ?? ''))
    .$if(keyId !== null, (some) => some.where('key_id', '=', keyId ?? ''))
    .$if(model !== null, (some) => some.where('model', '=', model ?? ''))
    .$if(provider !== null, (some) => some.where('provider', '=', provider));
}

/** As text, so that one cursor fits all groups. A missing value sorts first, as the empty text. */
const groupExpressions: Readonly<Record<UsageGroup, RawBuilder<string | null>>> = {
  day: sql`to_char(at at time zone 'UTC', 'YYYY-MM-DD')`,
  model: sql`model`,
  provider: sql`provider`,
  key: sql`key_id`,
  account: sql`account_id`,
  status: sql`status::text`,
};

async function sum(db: Kysely<Schema>, ask: UsageAsk, { limit, cursor }: PageAsk) {
  const groups = [...new Set(ask.groupBy)];
  if (groups.length === 0) throw new RangeError('usage is summed by at least one group');
  const after = readCursor(cursor, groups.length);
  if (cursor !== null && after === null) throw invalidCursor();
  const keys = groups.map((group) => sql<string>`coalesce(${groupExpressions[group]}, '')`);
  const sums = await filtered(db.selectFrom('requests'), ask)
    .select(keys.map((key, index) => key.as(`group_${index}`)))
    .select([
      sql<number>`count(*)::integer`.as('requests'),
      sql<number>`(count(*) filter (where status >= 400))::integer`.as('errors'),
      sql<bigint>`sum(audio_ms)::bigint`.as('audio_ms'),
      sql<bigint>`sum(billed_ms)::bigint`.as('billed_ms'),
      sql<bigint>`sum(input_tokens)::bigint`.as('input_tokens'),
      sql<bigint>`sum(output_tokens)::bigint`.as('output_tokens'),
      sql<bigint>`sum(cost_nanos)::bigint`.as('cost_nanos'),
      sql<bigint>`sum(provider_cost_nanos)::bigint`.as('provider_cost_nanos'),
    ])
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(${sql.join(keys.map(inByteOrder))}) > (${sql.join((after ?? []).map(inByteOrder))})`),
    )
    .groupBy(keys)
    .orderBy(sql.join(keys.map(inByteOrder)))
    .limit(limit + 1)
    .execute();
  const groupValue = (row: object, index: number): string => {
    const value: unknown = Reflect.get(row, `group_${index}`);
    return typeof value === 'string' ? value : '';
  };
  return pageOf(
    sums,
    limit,
    (row) => groups.map((_, index) => groupValue(row, index)),
    (row): UsageRow => ({
      groups: Object.fromEntries(groups.map((group, index) => [group, groupValue(row, index) || null])),
      requests: row.requests,
      errors: row.errors,
      audioMs: Number(row.audio_ms),
      billedMs: Number(row.billed_ms),
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      costNanos: row.cost_nanos,
      providerCostNanos: row.provider_cost_nanos,
    }),
  );
}

/** Both databases in one order, whatever the language of the server. */
function inByteOrder(value: RawBuilder<string> | string) {
  return typeof value === 'string' ? sql`${value}::text collate "C"` : sql`${value} collate "C"`;
}
