import { z } from 'zod';
import type { ApiKey, KeyPolicy } from '../../../../auth/key-directory.ts';
import { allScopes } from '../../../../auth/scopes.ts';
import { formatDollars } from '../../../../core/money.ts';
import { dollars, dollarsOut, limit, modelNames, moment, momentOut, opaqueId, text } from './fields.ts';

const scopes = z
  .array(z.enum(allScopes))
  .max(allScopes.length)
  .describe('`transcribe` recordings, open `live` sockets, queue `jobs`, or be the operator (`admin`).');

const future = moment.refine((at) => at.getTime() > Date.now(), 'It must be in the future.');

/** What a key is held to, over what its account's plan says; null: no limit of its own. */
const policy = {
  scopes: scopes.optional(),
  allowed_models: modelNames.optional(),
  local_only: z.boolean().optional().describe('Recordings of this key never leave for a vendor.'),
  monthly_budget_usd: dollars.nullable().optional().describe('Most that it may cost in a month (UTC).'),
  max_price_usd_per_minute: dollars.nullable().optional().describe('Dearer models are passed over.'),
  requests_per_minute: limit.optional(),
  audio_seconds_per_minute: limit.optional(),
  max_concurrent: limit.optional(),
};

export const newKey = z
  .strictObject({ name: text(), ...policy, expires_at: future.nullable().optional() })
  .meta({ example: { name: 'meeting notes', scopes: ['transcribe'], monthly_budget_usd: '25' } });

/** A time that is over ends the key now. */
export const keyChange = z
  .strictObject({ name: text().optional(), ...policy, expires_at: moment.nullable().optional() })
  .meta({ example: { monthly_budget_usd: '50', allowed_models: ['flux-voice'] } });

const keyFields = {
  id: opaqueId,
  prefix: z.string().describe('The first characters of the key; empty for the admin keys of the settings.'),
  name: z.string(),
  scopes: z.array(z.enum(allScopes)),
  allowed_models: z.array(z.string()).nullable(),
  local_only: z.boolean(),
  monthly_budget_usd: dollarsOut.nullable(),
  max_price_usd_per_minute: dollarsOut.nullable(),
  requests_per_minute: z.number().int().nullable(),
  audio_seconds_per_minute: z.number().int().nullable(),
  max_concurrent: z.number().int().nullable(),
  expires_at: momentOut.nullable(),
  created_at: momentOut,
  last_used_at: momentOut.nullable().describe('To about ten seconds.'),
  revoked_at: momentOut.nullable(),
};

export const keyBody = z.object(keyFields).meta({ id: 'ApiKey' });

export const newKeyBody = z
  .object({ ...keyFields, key: z.string().describe('The key itself: in this reply and nowhere else.') })
  .meta({ id: 'NewApiKey' });

/** A key that may do what most keys are for: send recordings and open sockets. */
const defaultPolicy: KeyPolicy = {
  scopes: ['transcribe', 'live', 'jobs'],
  allowedModels: null,
  localOnly: false,
  monthlyBudgetNanos: null,
  maxPriceNanosPerMinute: null,
  requestsPerMinute: null,
  audioSecondsPerMinute: null,
  maxConcurrent: null,
  expiresAt: null,
};

export function newPolicy(wire: z.infer<typeof newKey>): KeyPolicy {
  return { ...defaultPolicy, ...policyChange(wire) };
}

/** What is given; what is left out is left alone. */
export function policyChange(wire: Omit<z.infer<typeof keyChange>, 'name'>): Partial<KeyPolicy> {
  return {
    ...(wire.scopes !== undefined && { scopes: wire.scopes }),
    ...(wire.allowed_models !== undefined && { allowedModels: wire.allowed_models }),
    ...(wire.local_only !== undefined && { localOnly: wire.local_only }),
    ...(wire.monthly_budget_usd !== undefined && { monthlyBudgetNanos: wire.monthly_budget_usd }),
    ...(wire.max_price_usd_per_minute !== undefined && { maxPriceNanosPerMinute: wire.max_price_usd_per_minute }),
    ...(wire.requests_per_minute !== undefined && { requestsPerMinute: wire.requests_per_minute }),
    ...(wire.audio_seconds_per_minute !== undefined && { audioSecondsPerMinute: wire.audio_seconds_per_minute }),
    ...(wire.max_concurrent !== undefined && { maxConcurrent: wire.max_concurrent }),
    ...(wire.expires_at !== undefined && { expiresAt: wire.expires_at }),
  };
}

export function keyToWire(key: ApiKey): z.infer<typeof keyBody> {
  const money = (nanos: bigint | null) => (nanos === null ? null : formatDollars(nanos));
  return {
    id: key.id,
    prefix: key.prefix,
    name: key.name,
    scopes: [...key.scopes],
    allowed_models: key.allowedModels && [...key.allowedModels],
    local_only: key.localOnly,
    monthly_budget_usd: money(key.monthlyBudgetNanos),
    max_price_usd_per_minute: money(key.maxPriceNanosPerMinute),
    requests_per_minute: key.requestsPerMinute,
    audio_seconds_per_minute: key.audioSecondsPerMinute,
    max_concurrent: key.maxConcurrent,
    expires_at: key.expiresAt?.toISOString() ?? null,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}
