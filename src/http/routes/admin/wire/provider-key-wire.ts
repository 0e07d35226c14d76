import { z } from 'zod';
import type { ProviderKey } from '../../../../auth/provider-key-store.ts';
import type { ProviderKeyTest } from '../../../admin-parts.ts';
import { momentOut, text } from './fields.ts';

/** As in the settings: `openai`, `deepgram`, … */
export const providerId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'It must be the id of a provider, such as openai.');

export const newProviderKey = z
  .strictObject({
    api_key: z
      .string()
      .regex(/^[\x21-\x7e]{1,4096}$/, 'It must be printable ASCII without spaces.')
      .describe('Kept sealed, used for calls to the vendor, shown nowhere.'),
    base_url: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .nullable()
      .optional()
      .describe("The vendor's address, where it is another than the usual one."),
  })
  .meta({ example: { api_key: 'sk-…' } });

export const providerKeyBody = z
  .object({
    provider: z.string(),
    base_url: z.string().nullable(),
    last4: text(4).or(z.literal('')).describe('The last four characters; empty for a short key.'),
    status: z.enum(['untested', 'working', 'refused']),
    created_at: momentOut,
    tested_at: momentOut.nullable(),
  })
  .meta({ id: 'ProviderKey' });

export const providerKeyTestBody = z
  .object({
    ok: z.boolean(),
    latency_ms: z.number(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'ProviderKeyTest' });

export function providerKeyToWire(key: ProviderKey): z.infer<typeof providerKeyBody> {
  return {
    provider: key.provider,
    base_url: key.baseUrl,
    last4: key.last4,
    status: key.status,
    created_at: key.createdAt.toISOString(),
    tested_at: key.testedAt?.toISOString() ?? null,
  };
}

export function providerKeyTestToWire(test: ProviderKeyTest): z.infer<typeof providerKeyTestBody> {
  return { ok: test.isWorking, latency_ms: test.latencyMs, ...(test.error && { error: test.error }) };
}
