import { z } from 'zod';
import { gibibyte, mebibyte, meta, seconds, whole } from './setting-shapes.ts';

/** When a server refuses work at its door, and where limits of keys and accounts are counted. */

/** Members of the section `limits`. */
export const sheddingSettings = {
  shedQueueShare: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.9)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_SHED_QUEUE_SHARE',
        'Where no provider is switched on: from this share of `engine.queueLimit` on, uploads are refused with 503 before they are received.',
      ),
    ),
  shedUploadMemoryShare: z
    .number()
    .min(0.01)
    .max(1)
    .nullable()
    .default(null)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_SHED_UPLOAD_MEMORY_SHARE',
        'From this share of `memoryTotalBytes` on, uploads are refused with 503. Without it what finds no room in memory goes to disk.',
      ),
    ),
  shedLoopDelaySeconds: seconds(0.01, 60)
    .default(0.5)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_SHED_LOOP_DELAY_SECONDS',
        'While the server process is this much late with everything, on average and for three seconds on end, uploads are refused with 503.',
      ),
    ),
  shedResidentBytes: whole(128 * mebibyte, 1024 * gibibyte)
    .nullable()
    .default(null)
    .meta(
      meta(
        'FLUXSCRIBE_LIMITS_SHED_RESIDENT_BYTES',
        'While the server process holds more memory than this, uploads are refused with 503. Its recognisers have their own ceilings.',
      ),
    ),
};

export const redisSection = z.strictObject({
  url: z
    .string()
    .regex(/^rediss?:\/\/\S+$/, 'must be an address such as redis://user:password@host:6379/0')
    .nullable()
    .default(null)
    .meta({
      ...meta(
        'REDIS_URL',
        'Redis 6 or newer, by which several processes count the limits of keys and accounts together. Without it each counts for itself.',
      ),
      secret: true,
    }),
  keyPrefix: z
    .string()
    .regex(/^[\w:.-]{1,64}$/, 'must be 1 to 64 letters, digits and any of _ : . -')
    .default('fluxscribe:')
    .meta(meta('FLUXSCRIBE_REDIS_KEY_PREFIX', 'Begins every name in Redis; two deployments that share one need two.')),
  commandSeconds: seconds(0.01, 30)
    .default(0.5)
    .meta(
      meta(
        'FLUXSCRIBE_REDIS_COMMAND_SECONDS',
        'Longest wait for an answer of Redis. Beyond it this process counts for itself, and asks again two seconds later.',
      ),
    ),
});
