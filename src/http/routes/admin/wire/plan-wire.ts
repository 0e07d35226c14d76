import { z } from 'zod';
import type { Plan, PlanPrice } from '../../../../auth/account-store.ts';
import { formatDollars } from '../../../../core/money.ts';
import { planId } from './account-wire.ts';
import { dollars, dollarsOut, limit, modelNames, text } from './fields.ts';

const bytesPerMegabyte = 1_000_000;
const maxPrices = 1_000;

const price = z.strictObject({
  per_minute_usd: dollars,
  minimum_seconds: z.number().min(0).max(86_400).default(0).describe('Shorter audio is billed as this long.'),
  live_per_minute_usd: dollars.nullable().default(null).describe('For live sockets; null: as above.'),
});

const settings = {
  transcription: z.boolean().describe('false: every transcription is refused with `premium_locked`.'),
  billing: z
    .enum(['wallet', 'unlimited'])
    .describe('`wallet` pays beforehand; `unlimited` is written down and never refused.'),
  allowed_models: modelNames,
  max_upload_mb: z
    .number()
    .positive()
    .max(1_000_000)
    .nullable()
    .describe("Largest upload, in millions of bytes; null: the server's own ceiling."),
  requests_per_minute: limit,
  audio_seconds_per_minute: limit,
  max_concurrent: limit,
  max_live_streams: z.number().int().min(0).max(1_000_000).nullable(),
  prices: z
    .record(text(512), price)
    .refine((prices) => Object.keys(prices).length <= maxPrices, `At most ${maxPrices} prices.`)
    .describe("By model or alias: go over the catalogue's prices."),
};

export const newPlan = z
  .strictObject({
    id: planId,
    name: text(),
    transcription: settings.transcription.default(true),
    billing: settings.billing.default('wallet'),
    allowed_models: settings.allowed_models.default(null),
    max_upload_mb: settings.max_upload_mb.default(null),
    requests_per_minute: settings.requests_per_minute.default(null),
    audio_seconds_per_minute: settings.audio_seconds_per_minute.default(null),
    max_concurrent: settings.max_concurrent.default(null),
    max_live_streams: settings.max_live_streams.default(null),
    prices: settings.prices.default({}),
  })
  .meta({
    example: {
      id: 'team',
      name: 'Team',
      requests_per_minute: 120,
      max_concurrent: 8,
      prices: { 'flux-voice': { per_minute_usd: '0.08', minimum_seconds: 5 } },
    },
  });

/** What is left out stays as it is; `prices` are replaced together. */
export const planChange = z
  .strictObject({ name: text(), ...settings })
  .partial()
  .meta({ example: { requests_per_minute: 60 } });

const planPriceBody = z.object({
  per_minute_usd: dollarsOut,
  minimum_seconds: z.number(),
  live_per_minute_usd: dollarsOut.nullable(),
});

export const planBody = z
  .object({
    id: z.string(),
    name: z.string(),
    built_in: z.boolean(),
    transcription: z.boolean(),
    billing: z.enum(['wallet', 'unlimited']),
    allowed_models: z.array(z.string()).nullable(),
    max_upload_mb: z.number().nullable(),
    requests_per_minute: z.number().int().nullable(),
    audio_seconds_per_minute: z.number().int().nullable(),
    max_concurrent: z.number().int().nullable(),
    max_live_streams: z.number().int().nullable(),
    prices: z.record(z.string(), planPriceBody),
  })
  .meta({ id: 'Plan' });

export function planOf({ id, ...rest }: z.infer<typeof newPlan>): Omit<Plan, 'builtIn'> {
  return {
    id,
    name: rest.name,
    transcription: rest.transcription,
    billing: rest.billing,
    allowedModels: rest.allowed_models,
    maxUploadBytes: bytesOf(rest.max_upload_mb),
    requestsPerMinute: rest.requests_per_minute,
    audioSecondsPerMinute: rest.audio_seconds_per_minute,
    maxConcurrent: rest.max_concurrent,
    maxLiveStreams: rest.max_live_streams,
    prices: pricesOf(rest.prices),
  };
}

export function planChangeOf(wire: z.infer<typeof planChange>): Partial<Omit<Plan, 'id' | 'builtIn'>> {
  return {
    ...(wire.name !== undefined && { name: wire.name }),
    ...(wire.transcription !== undefined && { transcription: wire.transcription }),
    ...(wire.billing !== undefined && { billing: wire.billing }),
    ...(wire.allowed_models !== undefined && { allowedModels: wire.allowed_models }),
    ...(wire.max_upload_mb !== undefined && { maxUploadBytes: bytesOf(wire.max_upload_mb) }),
    ...(wire.requests_per_minute !== undefined && { requestsPerMinute: wire.requests_per_minute }),
    ...(wire.audio_seconds_per_minute !== undefined && { audioSecondsPerMinute: wire.audio_seconds_per_minute }),
    ...(wire.max_concurrent !== undefined && { maxConcurrent: wire.max_concurrent }),
    ...(wire.max_live_streams !== undefined && { maxLiveStreams: wire.max_live_streams }),
    ...(wire.prices !== undefined && { prices: pricesOf(wire.prices) }),
  };
}

export function planToWire(plan: Plan): z.infer<typeof planBody> {
  return {
    id: plan.id,
    name: plan.name,
    built_in: plan.builtIn,
    transcription: plan.transcription,
    billing: plan.billing,
    allowed_models: plan.allowedModels && [...plan.allowedModels],
    max_upload_mb: plan.maxUploadBytes === null ? null : plan.maxUploadBytes / bytesPerMegabyte,
    requests_per_minute: plan.requestsPerMinute,
    audio_seconds_per_minute: plan.audioSecondsPerMinute,
    max_concurrent: plan.maxConcurrent,
    max_live_streams: plan.maxLiveStreams,
    prices: Object.fromEntries(Object.entries(plan.prices).map(([name, one]) => [name, priceToWire(one)])),
  };
}

function bytesOf(megabytes: number | null): number | null {
  return megabytes === null ? null : Math.ceil(megabytes * bytesPerMegabyte);
}

function pricesOf(prices: Readonly<Record<string, z.infer<typeof price>>>): Record<string, PlanPrice> {
  return Object.fromEntries(
    Object.entries(prices).map(([name, one]) => [
      name,
      {
        nanosPerMinute: one.per_minute_usd,
        minimumMs: Math.round(one.minimum_seconds * 1000),
        liveNanosPerMinute: one.live_per_minute_usd,
      },
    ]),
  );
}

function priceToWire({ nanosPerMinute, minimumMs, liveNanosPerMinute }: PlanPrice): z.infer<typeof planPriceBody> {
  return {
    per_minute_usd: formatDollars(nanosPerMinute),
    minimum_seconds: minimumMs / 1000,
    live_per_minute_usd: liveNanosPerMinute === null ? null : formatDollars(liveNanosPerMinute),
  };
}
