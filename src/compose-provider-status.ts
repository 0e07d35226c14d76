import type { InstalledCatalogue, ModelHealth } from './compose-models.ts';
import type { Routing } from './compose-routing.ts';
import { type ErrorCode, errorTable } from './core/errors.ts';
import { unpinnedName } from './core/pinned-name.ts';
import type { ProviderModelStatus, ProviderStatus } from './http/admin-parts.ts';

/** Attempts that are remembered of each model: an hour of a busy one, days of a quiet one. */
const remembered = 100;
/** More models than any catalogue has; the one that was asked longest ago is forgotten first. */
const maxModels = 2_000;

export interface ProviderStatusParts {
  readonly models: () => InstalledCatalogue;
  readonly health: ModelHealth;
  readonly routing: Pick<Routing, 'attempts' | 'observe'>;
  /** Id of the embedded engine's provider. */
  readonly embeddedId: string;
}

interface Remembered {
  readonly isFailure: boolean;
  readonly latencyMs: number;
}

/**
 * Watches attempts from now on. The returned function tells how each provider that can be asked is: the embedded engine
 * and those that the settings switch on, each with its models of the catalogue.
 */
export function watchProviders(parts: ProviderStatusParts): () => readonly ProviderStatus[] {
  const recent = new Map<string, readonly Remembered[]>();
  parts.routing.observe({
    attemptEnded({ providerId, modelId, outcome, latencyMs, ownKey }) {
      // Says nothing about the provider as the operator has it: the caller left, it was not asked, or another key was used.
      if (outcome === 'cancelled' || outcome === 'breaker_open' || ownKey) return;
      const name = placeOf(providerId, modelId);
      const earlier = recent.get(name) ?? [];
      recent.delete(name);
      recent.set(name, [...earlier.slice(1 - remembered), { isFailure: isFailure(outcome), latencyMs }]);
      for (const oldest of recent.keys()) {
        if (recent.size <= maxModels) break;
        recent.delete(oldest);
      }
    },
    retried() {},
  });
  const statusOf = (providerId: string, modelId: string): ProviderModelStatus => {
    const { state, retryAfterMs } = parts.routing.attempts.stateOf(providerId, modelId);
    return {
      id: modelId,
      breaker: state,
      retryAfterMs: state === 'open' ? retryAfterMs : null,
      recent: summary(recent.get(placeOf(providerId, modelId)) ?? []),
    };
  };
  return () => {
    const byProvider = new Map<string, { readonly models: ProviderModelStatus[]; isUsable: boolean }>();
    for (const model of parts.models().catalogue.models) {
      const health = parts.health(model);
      if (health === 'not-installed') continue;
      const id = model.upstream?.provider ?? parts.embeddedId;
      const provider = byProvider.get(id) ?? { models: [], isUsable: false };
      provider.models.push(statusOf(id, model.id));
      provider.isUsable ||= health === 'ready';
      byProvider.set(id, provider);
    }
    return [...byProvider].map(([id, { models, isUsable }]) => ({ id, health: healthOf(models, isUsable), models }));
  };
}

function healthOf(models: readonly ProviderModelStatus[], isUsable: boolean): ProviderStatus['health'] {
  if (!isUsable || models.every((model) => model.breaker === 'open')) return 'unavailable';
  return models.every((model) => model.breaker === 'closed') ? 'ready' : 'degraded';
}

/** A recording that cannot be read, and the like, is no fault of the provider. */
function isFailure(outcome: string): boolean {
  if (outcome === 'ok' || outcome === 'unsure') return false;
  return !isErrorCode(outcome) || errorTable[outcome].blame !== 'caller';
}

function isErrorCode(outcome: string): outcome is ErrorCode {
  return Object.hasOwn(errorTable, outcome);
}

function summary(attempts: readonly Remembered[]): ProviderModelStatus['recent'] {
  if (attempts.length === 0) return null;
  const latencies = attempts.map((one) => one.latencyMs).sort((left, right) => left - right);
  return {
    attempts: attempts.length,
    errorShare: attempts.filter((one) => one.isFailure).length / attempts.length,
    medianLatencyMs: latencies[Math.floor(latencies.length / 2)] ?? 0,
  };
}

/** Names pinned to a day count as the model. */
function placeOf(providerId: string, modelId: string): string {
  return `${providerId} ${unpinnedName(modelId) ?? modelId}`;
}
