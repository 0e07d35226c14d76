import type { Config } from './config/load-config.ts';
import type { Provider } from './providers/contract.ts';
import { type AttemptLimits, defaultAttemptLimits } from './routing/attempt-limits.ts';
import { type Attempts, createAttempts } from './routing/attempts.ts';
import type { AttemptObserver, AttemptsParts } from './routing/attempts-parts.ts';
import { type Breakers, createBreakers } from './routing/breakers.ts';

/** Attempts as the settings want them, and what is known of them from outside. */
export interface Routing {
  readonly attempts: Attempts;
  readonly breakers: Breakers;
  /** Breakers of the same patience for the own keys of one account. */
  createBreakers(): Breakers;
  /** From now on this one is told how attempts go, beside the others. */
  observe(observer: AttemptObserver): void;
}

export interface RoutingParts extends Pick<AttemptsParts, 'boxes' | 'judge' | 'inPieces' | 'tracing' | 'dice'> {
  readonly config: Pick<Config, 'routing'>;
  /** The embedded engine, which looks after itself: it has no breaker and is not hurried for its own sake. */
  readonly embedded: Provider;
  readonly upstreams: ReadonlyMap<string, Provider>;
}

export function createRouting({ config, embedded, upstreams, ...parts }: RoutingParts): Routing {
  const selfSupervised = new Set([embedded.id]);
  const breakers = breakersOf(config, selfSupervised);
  const observers = new Set<AttemptObserver>();
  const attempts = createAttempts({
    ...parts,
    providers: new Map([[embedded.id, embedded], ...upstreams]),
    selfSupervised,
    breakers,
    limits: attemptLimitsOf(config),
    observer: {
      attemptEnded(record) {
        for (const one of observers) one.attemptEnded(record);
      },
      retried(providerId, modelId, failure) {
        for (const one of observers) one.retried(providerId, modelId, failure);
      },
    },
  });
  return {
    attempts,
    breakers,
    createBreakers: () => breakersOf(config, selfSupervised),
    observe: (observer) => void observers.add(observer),
  };
}

/** The operator's patience, in milliseconds. */
function attemptLimitsOf({ routing }: RoutingParts['config']): AttemptLimits {
  return {
    retries: routing.retries,
    maxRetryWaitMs: milliseconds(routing.retryWaitSeconds),
    backoffMs: defaultAttemptLimits.backoffMs,
    callBaseMs: milliseconds(routing.attemptBaseSeconds),
    callPerAudioMs: routing.attemptSecondsPerAudioSecond,
    hedge: routing.hedge
      ? { baseMs: milliseconds(routing.hedgeAfterSeconds), perAudioMs: routing.hedgeSecondsPerAudioSecond }
      : null,
  };
}

function breakersOf({ routing }: RoutingParts['config'], exempt: ReadonlySet<string>): Breakers {
  return createBreakers({
    failures: routing.breakerFailures,
    openMs: milliseconds(routing.breakerOpenSeconds),
    maxOpenMs: milliseconds(routing.breakerMaxOpenSeconds),
    exempt,
  });
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
