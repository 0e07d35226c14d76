import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { unpinnedName } from '../core/pinned-name.ts';

/** What an ended attempt tells the metrics; routing's record has these and more. */
export interface MeasuredAttempt {
  readonly providerId: string;
  readonly modelId: string;
  /** `opening`, `first`, `fallback` or `hedge`. */
  readonly kind: string;
  /** Made with an account's own key, whose troubles are the account's. */
  readonly ownKey?: true;
  /** `ok`, a code of the error table, or what routing calls its other ends. */
  readonly outcome: string;
  readonly latencyMs: number;
}

/** One breaker at this moment. */
export interface MeasuredBreaker {
  readonly providerId: string;
  readonly modelId: string;
  readonly state: 'closed' | 'probing' | 'open';
}

/** Counts attempts as they end. */
export interface AttemptMetrics {
  attemptEnded(attempt: MeasuredAttempt): void;
  retried(providerId: string, modelId: string, failure: { readonly code: string }): void;
}

/** From an instant vendor to the longest attempt, in seconds. */
const latencyBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];
const breakerValues = { closed: 0, probing: 1, open: 2 } as const;

/** Attempt metrics in the registry of their app; breakers are read when the metrics are. */
export function createAttemptMetrics(registry: Registry, breakers: () => readonly MeasuredBreaker[]): AttemptMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: 'fluxscribe_attempts_total',
    help: 'Attempts by kind (opening, first, fallback, hedge; own-key with a key of the account) and outcome; bad_output:… is an answer that was judged faulty.',
    labelNames: ['provider', 'model', 'kind', 'outcome'],
    registers,
  });
  const latency = new Histogram({
    name: 'fluxscribe_attempt_duration_seconds',
    help: 'From the beginning of an attempt to its end, waits between tries included. Cancelled ones are left out.',
    labelNames: ['provider', 'model', 'result'],
    buckets: latencyBuckets,
    registers,
  });
  const retries = new Counter({
    name: 'fluxscribe_attempt_retries_total',
    help: 'Times that a provider was asked once more, by the code of the failure before.',
    labelNames: ['provider', 'model', 'code'],
    registers,
  });
  new Gauge({
    name: 'fluxscribe_breaker_state',
    help: 'Breaker of a model at its provider or box: 0 closed, 1 the next request probes, 2 open.',
    labelNames: ['provider', 'model'],
    registers,
    collect() {
      for (const { providerId, modelId, state } of breakers()) {
        this.set({ provider: providerId, model: modelId }, breakerValues[state]);
      }
    },
  });
  return {
    attemptEnded({ providerId, modelId, kind, outcome, latencyMs, ownKey }) {
      const labels = { provider: providerId, model: modelLabel(modelId) };
      attempts.inc({ ...labels, kind: ownKey ? 'own-key' : kind, outcome });
      if (ownKey || outcome === 'cancelled' || outcome === 'breaker_open') return;
      latency.observe(
        { ...labels, result: outcome === 'ok' || outcome === 'unsure' ? 'answer' : 'failure' },
        latencyMs / 1000,
      );
    },
    retried(providerId, modelId, { code }) {
      retries.inc({ provider: providerId, model: modelLabel(modelId), code });
    },
  };
}

/** Callers choose the day to which a name is pinned; labels must be few. */
function modelLabel(modelId: string): string {
  return unpinnedName(modelId) ?? modelId;
}
