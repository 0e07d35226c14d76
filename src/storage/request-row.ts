import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { AttemptRecord, RequestRecord } from '../metering/usage-store.ts';
import type { RequestsTable } from './schema.ts';

const kind = z.enum(['transcription', 'translation', 'live', 'job', 'speech']);

/** The row as JSON with the names of the columns; bigints as text, which JSON would round. */
export function requestJson(record: RequestRecord): Record<string, unknown> {
  return {
    id: record.id,
    at: new Date(record.atMs).toISOString(),
    account_id: record.accountId,
    key_id: record.keyId,
    kind: record.kind,
    model: record.model,
    routed_model: record.routedModel,
    provider: record.provider,
    status: record.status,
    error_code: record.errorCode,
    audio_ms: record.audioMs,
    billed_ms: record.billedMs,
    probed_ms: record.probedMs,
    decoded_ms: record.decodedMs,
    vendor_ms: record.vendorMs,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    cost_nanos: record.costNanos.toString(),
    provider_cost_nanos: record.providerCostNanos.toString(),
    byok: record.byok,
    lengths_disagree: record.lengthsDisagree ?? false,
    latency_ms: record.latencyMs,
    attempts: record.attempts,
  };
}

export function requestRecord(row: Selectable<RequestsTable>): RequestRecord {
  return {
    id: row.id,
    atMs: row.at.getTime(),
    accountId: row.account_id,
    keyId: row.key_id,
    kind: kind.parse(row.kind),
    model: row.model,
    routedModel: row.routed_model,
    provider: row.provider,
    status: row.status,
    errorCode: row.error_code,
    audioMs: Number(row.audio_ms),
    billedMs: Number(row.billed_ms),
    probedMs: numberOrNull(row.probed_ms),
    decodedMs: numberOrNull(row.decoded_ms),
    vendorMs: numberOrNull(row.vendor_ms),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    costNanos: row.cost_nanos,
    providerCostNanos: row.provider_cost_nanos,
    byok: row.byok,
    ...(row.lengths_disagree && { lengthsDisagree: true }),
    latencyMs: row.latency_ms,
    attempts: attempts.parse(row.attempts),
  };
}

const attempts: z.ZodType<readonly AttemptRecord[]> = z.array(
  z.object({
    provider: z.string(),
    model: z.string(),
    outcome: z.string(),
    latencyMs: z.number(),
    reason: z.string().exactOptional(),
  }),
);

function numberOrNull(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}
