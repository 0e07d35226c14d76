import { z } from 'zod';
import type { ProviderStatus } from '../../../admin-parts.ts';

export const providerBody = z
  .object({
    id: z.string(),
    health: z
      .enum(['ready', 'degraded', 'unavailable'])
      .describe(
        '`degraded`: nobody is sent to some of its models for a while; `unavailable`: it cannot be asked at all.',
      ),
    models: z.array(
      z.object({
        id: z.string(),
        breaker: z.enum(['closed', 'probing', 'open']),
        retry_after_seconds: z.number().int().nullable().describe('When an open breaker lets a request through.'),
        recent: z
          .object({
            attempts: z.number().int(),
            error_share: z.number().describe('0 to 1'),
            median_latency_ms: z.number(),
          })
          .nullable()
          .describe('Of the latest attempts of this process; null: none yet.'),
      }),
    ),
  })
  .meta({ id: 'ProviderStatus' });

export function providerToWire({ id, health, models }: ProviderStatus): z.infer<typeof providerBody> {
  return {
    id,
    health,
    models: models.map(({ id: model, breaker, retryAfterMs, recent }) => ({
      id: model,
      breaker,
      retry_after_seconds: retryAfterMs === null ? null : Math.ceil(retryAfterMs / 1000),
      recent: recent && {
        attempts: recent.attempts,
        error_share: recent.errorShare,
        median_latency_ms: recent.medianLatencyMs,
      },
    })),
  };
}
