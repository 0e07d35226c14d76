import { type Kysely, sql } from 'kysely';
import type { ReconcileAsk, ReconcileRow } from '../metering/usage-store.ts';
import type { Schema } from './schema.ts';

/** More pairs of provider and model than any catalogue has. */
const maxRows = 1_000;

/** Sums of the lengths that each part of the gateway, and each vendor, found for the same requests. */
export async function reconcile(
  db: Kysely<Schema>,
  { fromMs, toMs, toleranceMs }: ReconcileAsk,
): Promise<readonly ReconcileRow[]> {
  const sumOf = (expression: string) => sql<bigint>`coalesce(sum(${sql.raw(expression)}), 0)::bigint`;
  // greatest and least pass over what is not known.
  const spread = 'greatest(probed_ms, decoded_ms, vendor_ms) - least(probed_ms, decoded_ms, vendor_ms)';
  const rows = await db
    .selectFrom('requests')
    .select([
      'provider',
      'routed_model',
      sql<number>`count(*)::integer`.as('requests'),
      sumOf('audio_ms').as('audio_ms'),
      sumOf('billed_ms').as('billed_ms'),
      sumOf('probed_ms').as('probed_ms'),
      sql<number>`count(decoded_ms)::integer`.as('decoded_requests'),
      sumOf('decoded_ms').as('decoded_ms'),
      sql<number>`count(vendor_ms)::integer`.as('vendor_requests'),
      sumOf('vendor_ms').as('vendor_ms'),
      sumOf('case when vendor_ms is not null then audio_ms end').as('audio_ms_of_vendor_requests'),
      sql<number>`(count(*) filter (where ${sql.raw(spread)} > ${toleranceMs}::bigint))::integer`.as('disagreements'),
    ])
    .where('at', '>=', new Date(fromMs))
    .where('at', '<', new Date(toMs))
    .where('status', '<', 400)
    // Answers that were given once more: nothing was heard for them.
    .where('provider', 'is not', null)
    .groupBy(['provider', 'routed_model'])
    .orderBy('provider')
    .orderBy('routed_model')
    .limit(maxRows)
    .execute();
  return rows.map((row) => ({
    provider: row.provider,
    routedModel: row.routed_model,
    requests: row.requests,
    audioMs: Number(row.audio_ms),
    billedMs: Number(row.billed_ms),
    probedMs: Number(row.probed_ms),
    decodedRequests: row.decoded_requests,
    decodedMs: Number(row.decoded_ms),
    vendorRequests: row.vendor_requests,
    vendorMs: Number(row.vendor_ms),
    audioMsOfVendorRequests: Number(row.audio_ms_of_vendor_requests),
    disagreements: row.disagreements,
  }));
}
