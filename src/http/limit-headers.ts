import type { FastifyReply } from 'fastify';
import type { LimitState, RateState } from '../limits/limiter.ts';

const rates = [
  ['requests', 'requests'],
  ['audioSeconds', 'audio-seconds'],
] as const satisfies readonly (readonly [keyof LimitState, string])[];

/** `x-ratelimit-…`, as OpenAI writes them. */
export function setLimitHeaders(reply: FastifyReply, state: LimitState): void {
  for (const [rate, name] of rates) {
    const known: RateState | null = state[rate];
    if (known === null) continue;
    reply.header(`x-ratelimit-limit-${name}`, String(known.limit));
    reply.header(`x-ratelimit-remaining-${name}`, String(known.remaining));
    reply.header(`x-ratelimit-reset-${name}`, durationText(known.resetMs));
  }
}

/** `0s`, `24ms`, `1.2s`, `6m0s`: as OpenAI writes durations. */
export function durationText(durationMs: number): string {
  if (durationMs === 0) return '0s';
  if (durationMs < 1_000) return `${durationMs}ms`;
  const minutes = Math.floor(durationMs / 60_000);
  const seconds = (durationMs % 60_000) / 1_000;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

/** For pages in a browser. */
export const limitHeaders: readonly string[] = rates.flatMap(([, name]) =>
  ['limit', 'remaining', 'reset'].map((what) => `x-ratelimit-${what}-${name}`),
);
