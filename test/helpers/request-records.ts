import type { RequestRecord } from '../../src/metering/usage-store.ts';

/** A request that went well: thirty seconds of speech, half a dollar. */
export function requestRecord(
  more: Partial<RequestRecord> & Pick<RequestRecord, 'id' | 'accountId' | 'keyId'>,
): RequestRecord {
  return {
    atMs: Date.now(),
    kind: 'transcription',
    model: 'flux-voice',
    routedModel: 'local/moonshine-tiny',
    provider: 'local',
    status: 200,
    errorCode: null,
    audioMs: 30_000,
    billedMs: 30_000,
    probedMs: 30_000,
    decodedMs: 30_000,
    vendorMs: null,
    inputTokens: 0,
    outputTokens: 0,
    costNanos: 500_000_000n,
    providerCostNanos: 0n,
    byok: false,
    latencyMs: 800,
    attempts: [{ provider: 'local', model: 'local/moonshine-tiny', outcome: 'ok', latencyMs: 700 }],
    ...more,
  };
}
