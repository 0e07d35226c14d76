import type { Usage } from '../core/usage.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import type { AttemptRecord } from '../routing/attempts.ts';
import type { Payer } from './charges.ts';

/** Names of models are shorter; a caller may write anything. */
const maxNameLength = 200;

/** What is known of every request. */
export interface RowAsk {
  readonly requestId: string;
  readonly payer: Pick<Payer, 'accountId' | 'keyId' | 'arrivedAtMs'>;
  readonly task: 'transcribe' | 'translate';
  /** As the caller wrote it; empty: it did not come to that. */
  readonly model: string;
}

/** The row of a request of which nothing has come yet. */
export function emptyRow({ requestId, payer, task, model }: RowAsk): RequestRecord {
  return {
    id: requestId,
    atMs: payer.arrivedAtMs,
    accountId: payer.accountId,
    keyId: payer.keyId,
    kind: task === 'translate' ? 'translation' : 'transcription',
    model: model.toWellFormed().replaceAll('\0', '').slice(0, maxNameLength),
    routedModel: null,
    provider: null,
    status: 200,
    errorCode: null,
    audioMs: 0,
    billedMs: 0,
    probedMs: null,
    decodedMs: null,
    vendorMs: null,
    inputTokens: 0,
    outputTokens: 0,
    costNanos: 0n,
    providerCostNanos: 0n,
    byok: false,
    latencyMs: 0,
    attempts: [],
  };
}

/** The attempts of a request as its row has them. */
export function attemptRows(attempts: readonly AttemptRecord[]): RequestRecord['attempts'] {
  return attempts.map(({ providerId, modelId, outcome, latencyMs, kind, ownKey }) => ({
    provider: providerId,
    model: modelId,
    outcome,
    latencyMs,
    ...(ownKey ? { reason: kind === 'first' ? 'own-key' : `${kind}, own-key` } : kind !== 'first' && { reason: kind }),
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
