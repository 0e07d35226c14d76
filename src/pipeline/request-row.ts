import type { Usage } from '../core/usage.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import type { AttemptRecord } from '../routing/attempts.ts';

/** The attempts of a request as its row has them. */
export function attemptRows(attempts: readonly AttemptRecord[]): RequestRecord['attempts'] {
  return attempts.map(({ providerId, modelId, outcome, latencyMs, kind }) => ({
    provider: providerId,
    model: modelId,
    outcome,
    latencyMs,
    ...(kind !== 'first' && { reason: kind }),
  }));
}

/** A vendor's counts; 0 where it told none, or no counts at all. */
export function tokenCounts(usage: Usage | null): { readonly inputTokens: number; readonly outputTokens: number } {
  if (usage?.type !== 'tokens') return { inputTokens: 0, outputTokens: 0 };
  return { inputTokens: countOf(usage.inputTokens), outputTokens: countOf(usage.outputTokens) };
}

function countOf(value: number): number {
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
