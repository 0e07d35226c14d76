import { z } from 'zod';
import { meta, seconds, whole } from './setting-shapes.ts';

/** How requests find their engine and what is done when one fails; docs/guides/routing.md tells it in words. */
export const routingSection = z.strictObject({
  retries: whole(0, 5)
    .default(2)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_RETRIES',
        'How often a provider is asked once more after a failure that may pass: a connection that broke before an answer, 429, 500, 502, 503, 504. Then the next candidate is asked.',
      ),
    ),
  retryWaitSeconds: seconds(0, 60)
    .default(5)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_RETRY_WAIT_SECONDS',
        'Longest wait before a provider is asked once more. A provider that wants a longer pause (`Retry-After`) gets it: until then requests go to the next candidate at once.',
      ),
    ),
  attemptBaseSeconds: seconds(1, 86_400)
    .default(60)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_ATTEMPT_BASE_SECONDS',
        'Longest time for one call of a provider while another candidate is left: this much, and `attemptSecondsPerAudioSecond` on top. The last candidate has until the deadline of the request.',
      ),
    ),
  attemptSecondsPerAudioSecond: seconds(0, 100)
    .default(0.5)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_ATTEMPT_SECONDS_PER_AUDIO_SECOND',
        'Added to the time of a call for every second of its audio.',
      ),
    ),
  ownKeyFallback: z
    .boolean()
    .default(true)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_OWN_KEY_FALLBACK',
        "Whether the operator's key is used, at the usual price, where an account's own key for the same provider gives no answer.",
      ),
    ),
  breakerFailures: whole(1, 1000)
    .default(5)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_BREAKER_FAILURES',
        "A model of a provider is left alone when at least so many requests failed by the provider's own fault, and more than half of the last twenty (or of this many, where that is more).",
      ),
    ),
  breakerOpenSeconds: seconds(0.1, 3600)
    .default(10)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_BREAKER_OPEN_SECONDS',
        'How long it is left alone; then one request of a customer finds out. Twice as long after every one that fails.',
      ),
    ),
  breakerMaxOpenSeconds: seconds(0.1, 86_400)
    .default(300)
    .meta(meta('FLUXSCRIBE_ROUTING_BREAKER_MAX_OPEN_SECONDS', 'Longest time that it is left alone.')),
  pieceSeconds: seconds(10, 7200)
    .default(900)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_PIECE_SECONDS',
        'Longest piece of a recording that is cut because its model takes no more in one call. A model with a lower ceiling gets shorter pieces.',
      ),
    ),
  hedge: z
    .boolean()
    .default(false)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_HEDGE',
        'Whether the next candidate is started beside one that is slow; the first good answer counts, the other is cancelled. Callers pay once, you may pay two providers.',
      ),
    ),
  hedgeAfterSeconds: seconds(0, 3600)
    .default(10)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_HEDGE_AFTER_SECONDS',
        'When it is started: after this much, and `hedgeSecondsPerAudioSecond` on top.',
      ),
    ),
  hedgeSecondsPerAudioSecond: seconds(0, 100)
    .default(0.1)
    .meta(meta('FLUXSCRIBE_ROUTING_HEDGE_SECONDS_PER_AUDIO_SECOND', 'Added to that for every second of audio.')),
  accurate: z
    .array(z.string().min(1))
    .max(20)
    .default([])
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_ACCURATE',
        'Models or aliases that `flux-voice-accurate` means before ours, comma-separated; `flux-voice` asks them where a cheap first pass on this machine is unsure. Without it both stay on this machine. See the [guide](../guides/routing.md).',
      ),
    ),
  keepAboveConfidence: z
    .number()
    .min(0)
    .max(1)
    // escalationLimits in src/engine/duo/duo-constants.ts: where the engine itself asks its second model.
    .default(0.955)
    .meta(
      meta(
        'FLUXSCRIBE_ROUTING_KEEP_ABOVE_CONFIDENCE',
        'Mean word confidence from which the answer of that first pass is kept. Higher: more recordings go on to `accurate`.',
      ),
    ),
});
