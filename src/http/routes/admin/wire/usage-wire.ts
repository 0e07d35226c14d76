import { z } from 'zod';
import { formatDollars } from '../../../../core/money.ts';
import type { RequestRecord, UsageGroup, UsageRow } from '../../../../metering/usage-store.ts';
import { dollarsOut, moment, momentOut, opaqueId, text } from './fields.ts';
import { pageQuery } from './lists.ts';

export const usageGroups = ['day', 'model', 'provider', 'key', 'account', 'status'] as const satisfies UsageGroup[];

const oneGroup = `(${usageGroups.join('|')})`;
const groupList = new RegExp(`^${oneGroup}(,${oneGroup}){0,${usageGroups.length - 1}}$`);

/** Whose requests, and of which; `account_id` belongs to admins. */
const filter = {
  key_id: opaqueId.optional(),
  model: text(512).optional().describe('As the caller wrote it.'),
  provider: text(64).optional(),
};
const span = {
  from: moment.optional().describe('First moment that counts; 30 days before `to` when left out.'),
  to: moment.optional().describe('First moment that counts no more; now when left out.'),
};

export const ownUsageQuery = z.strictObject({
  ...pageQuery.shape,
  ...span,
  ...filter,
  group_by: z
    .string()
    .regex(groupList, `It must be one or more of ${usageGroups.join(', ')}, with commas between them.`)
    .default('day')
    .transform((list) => list.split(','))
    .pipe(z.array(z.enum(usageGroups)).max(usageGroups.length))
    .describe('One or more of day, model, provider, key, account, status, with commas between them.'),
  format: z
    .enum(['json', 'csv'])
    .default('json')
    .describe('`csv`: all rows in one file; `limit` and `cursor` do not count.'),
});
export const usageQuery = z.strictObject({ ...ownUsageQuery.shape, account_id: opaqueId.optional() });

export const ownRequestsQuery = z.strictObject({
  ...pageQuery.shape,
  from: moment.optional().describe('First moment that counts.'),
  to: moment.optional().describe('First moment that counts no more.'),
  ...filter,
  failed: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .describe('Only requests that were answered with an error.'),
});
export const requestsQuery = z.strictObject({ ...ownRequestsQuery.shape, account_id: opaqueId.optional() });

const sums = {
  requests: z.number().int(),
  errors: z.number().int().describe('Requests with a status of 400 or more.'),
  audio_seconds: z.number(),
  billed_seconds: z.number(),
  input_tokens: z.number().int(),
  output_tokens: z.number().int(),
  cost_usd: dollarsOut,
  provider_cost_usd: dollarsOut.describe('What vendors take from the operator.'),
};

const group = z.string().nullable().optional();

export const usageRowBody = z
  .object({
    day: group.describe('UTC'),
    model: group.describe('As the caller wrote it.'),
    provider: group.describe('null: none was asked.'),
    key: group.describe('Id of the key.'),
    account: group.describe('Id of the account.'),
    status: group.describe('HTTP status.'),
    ...sums,
  })
  .meta({ id: 'UsageRow', description: 'The groups that were asked for, and the sums of each.' });

/** Columns of the CSV file behind those of the groups. */
export const sumNames = Object.keys(sums) as readonly (keyof typeof sums)[];

export const requestBody = z
  .object({
    id: opaqueId,
    at: momentOut.describe('When it arrived.'),
    account_id: opaqueId,
    key_id: opaqueId,
    kind: z.enum(['transcription', 'translation', 'live', 'job', 'speech']),
    model: z.string().describe('As the caller wrote it.'),
    routed_model: z.string().nullable(),
    provider: z.string().nullable(),
    status: z.number().int().describe('HTTP status.'),
    error_code: z.string().optional(),
    audio_seconds: z.number(),
    billed_seconds: z.number(),
    input_tokens: z.number().int(),
    output_tokens: z.number().int(),
    cost_usd: dollarsOut,
    byok: z.boolean().describe("Sent with the account's own vendor key."),
    latency_ms: z.number(),
    attempts: z.array(
      z.object({
        provider: z.string(),
        model: z.string(),
        outcome: z.string().describe('`ok` or an error code.'),
        latency_ms: z.number(),
        reason: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'RequestRow', description: 'One request: never its audio, its text or its file name.' });

export function usageToWire({ groups, ...row }: UsageRow): z.infer<typeof usageRowBody> {
  return {
    ...groups,
    requests: row.requests,
    errors: row.errors,
    audio_seconds: row.audioMs / 1000,
    billed_seconds: row.billedMs / 1000,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cost_usd: formatDollars(row.costNanos),
    provider_cost_usd: formatDollars(row.providerCostNanos),
  };
}

export function requestToWire(record: RequestRecord): z.infer<typeof requestBody> {
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
    ...(record.errorCode !== null && { error_code: record.errorCode }),
    audio_seconds: record.audioMs / 1000,
    billed_seconds: record.billedMs / 1000,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    cost_usd: formatDollars(record.costNanos),
    byok: record.byok,
    latency_ms: record.latencyMs,
    attempts: record.attempts.map(({ latencyMs, reason, ...attempt }) => ({
      ...attempt,
      latency_ms: latencyMs,
      ...(reason !== undefined && { reason }),
    })),
  };
}
