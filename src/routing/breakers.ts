import { CircuitState, CountBreaker, ExponentialBackoff, type IBackoff, noJitterGenerator } from 'cockatiel';
import { type Clock, systemClock } from '../core/clock.ts';
import { unpinnedName } from '../core/pinned-name.ts';
import type { BreakerState } from './plan.ts';

export interface BreakerOptions {
  /** So many requests must have failed, and be more than half of the last twenty, before nobody is sent there. */
  readonly failures: number;
  /** How long nobody is sent there at first; twice as long after every probe that fails. */
  readonly openMs: number;
  /** Longest of these times. */
  readonly maxOpenMs: number;
  /** Providers that are always asked: those that look after themselves, such as the embedded engine. */
  readonly exempt?: ReadonlySet<string>;
  readonly clock?: Clock;
}

export interface BreakerReading {
  readonly state: BreakerState;
  /** When a request is let through again, in milliseconds from now; 0 unless open. */
  readonly retryAfterMs: number;
}

/** Leave to ask a provider, for one request. */
export interface BreakerPass {
  /** This request finds out whether the provider works again. It falls back like any other where it does not. */
  readonly isProbe: boolean;
  /** Once: how it went. `none`: it says nothing about the provider (the caller left, another was faster). */
  settle(verdict: 'good' | 'bad' | 'none'): void;
}

/**
 * Which providers are asked, by provider and model. A breaker opens when requests fail, lets exactly one request of a
 * customer probe after a while, and closes when that one is answered: nobody's sound is sent anywhere only to try it.
 */
export interface Breakers {
  stateOf(providerId: string, modelId: string): BreakerReading;
  /** null: the provider is not to be asked now. A pass must be settled, whatever happens. */
  enter(providerId: string, modelId: string): BreakerPass | null;
  /** The provider asked for a pause: nobody asks it before that is over. */
  rest(providerId: string, modelId: string, forMs: number): void;
  /** Whether everybody may be asked: then nobody need be looked up by name. */
  areAllClosed(): boolean;
  /** Every breaker that has ever been entered. */
  list(): readonly ({ readonly providerId: string; readonly modelId: string } & BreakerReading)[];
}

/** The share counts over this many requests: enough to tell an outage from bad luck, few enough to notice it at once. */
const sampleSize = 20;
/** A request that probes is seldom longer; who comes meanwhile is told to come again so much later. */
const probeRetryAfterMs = 1000;

const freePass: BreakerPass = { isProbe: false, settle() {} };
const closed: BreakerReading = { state: 'closed', retryAfterMs: 0 };

/**
 * Cockatiel counts and spaces; the states are kept here, because its own policy lets requests wait for a probe in
 * progress, where ours have somebody else to go to.
 */
export function createBreakers(options: BreakerOptions): Breakers {
  const { exempt, clock = systemClock } = options;
  const byProvider = new Map<string, Map<string, Breaker>>();
  /** Those that have opened or were asked for a rest, until they are seen closed. */
  const troubled = new Set<Breaker>();
  function find(providerId: string, modelId: string): Breaker | undefined {
    // Asked for every model of the catalogue at every request: no text is made where nothing has happened.
    const byModel = byProvider.get(providerId);
    return byModel && (byModel.get(modelId) ?? byModel.get(breakerName(modelId)));
  }
  function obtain(providerId: string, modelId: string): Breaker {
    const known = find(providerId, modelId);
    if (known) return known;
    const breaker = new Breaker(options, clock, () => troubled.add(breaker));
    const byModel = byProvider.get(providerId) ?? new Map<string, Breaker>();
    byProvider.set(providerId, byModel.set(breakerName(modelId), breaker));
    return breaker;
  }
  return {
    stateOf: (providerId, modelId) => find(providerId, modelId)?.read() ?? closed,
    enter: (providerId, modelId) => (exempt?.has(providerId) ? freePass : obtain(providerId, modelId).enter()),
    rest(providerId, modelId, forMs) {
      if (!exempt?.has(providerId)) obtain(providerId, modelId).rest(forMs);
    },
    areAllClosed() {
      for (const one of troubled) {
        if (one.read().state !== 'closed') return false;
        troubled.delete(one);
      }
      return true;
    },
    list: () =>
      [...byProvider].flatMap(([providerId, byModel]) =>
        [...byModel].map(([modelId, breaker]) => ({ providerId, modelId, ...breaker.read() })),
      ),
  };
}

/** Names pinned to a day share one: callers choose the day, and could otherwise make breakers without end. */
function breakerName(modelId: string): string {
  return unpinnedName(modelId) ?? modelId;
}

class Breaker {
  readonly #clock: Clock;
  readonly #backoffs: ExponentialBackoff<number>;
  readonly #samples: CountBreaker;
  /** Since when and for how long nobody is sent there; null: closed. */
  #tripped: { readonly atMs: number; readonly backoff: IBackoff<unknown> } | null = null;
  #restUntilMs = 0;
  #isProbing = false;
  /** Told before it is not closed any more. */
  readonly #onTrouble: () => void;

  constructor({ failures, openMs, maxOpenMs }: BreakerOptions, clock: Clock, onTrouble: () => void) {
    this.#clock = clock;
    this.#onTrouble = onTrouble;
    const size = Math.max(sampleSize, failures);
    this.#samples = new CountBreaker({ threshold: 0.5, size, minimumNumberOfCalls: failures });
    this.#backoffs = new ExponentialBackoff({
      generator: noJitterGenerator,
      initialDelay: openMs,
      maxDelay: Math.max(openMs, maxOpenMs),
    });
  }

  read(): BreakerReading {
    const nowMs = this.#clock.nowMs();
    const openUntilMs = this.#tripped ? this.#tripped.atMs + this.#tripped.backoff.duration : 0;
    const untilMs = Math.max(this.#restUntilMs, openUntilMs);
    if (nowMs < untilMs) return { state: 'open', retryAfterMs: untilMs - nowMs };
    if (!this.#tripped) return closed;
    return this.#isProbing ? { state: 'open', retryAfterMs: probeRetryAfterMs } : { state: 'probing', retryAfterMs: 0 };
  }

  enter(): BreakerPass | null {
    const { state } = this.read();
    if (state === 'open') return null;
    const isProbe = state === 'probing';
    if (isProbe) this.#isProbing = true;
    let isSettled = false;
    return {
      isProbe,
      settle: (verdict) => {
        if (isSettled) return;
        isSettled = true;
        if (isProbe) this.#probed(verdict);
        else this.#sampled(verdict);
      },
    };
  }

  rest(forMs: number): void {
    this.#onTrouble();
    this.#restUntilMs = Math.max(this.#restUntilMs, this.#clock.nowMs() + forMs);
  }

  #probed(verdict: 'good' | 'bad' | 'none'): void {
    this.#isProbing = false;
    if (verdict === 'good') {
      this.#samples.success(CircuitState.HalfOpen);
      this.#tripped = null;
    }
    if (verdict === 'bad') this.#trip();
  }

  /** What began before it opened and ends afterwards changes nothing any more. */
  #sampled(verdict: 'good' | 'bad' | 'none'): void {
    if (this.#tripped || verdict === 'none') return;
    if (verdict === 'good') this.#samples.success(CircuitState.Closed);
    else if (this.#samples.failure(CircuitState.Closed)) this.#trip();
  }

  #trip(): void {
    this.#onTrouble();
    const backoff = this.#tripped ? this.#tripped.backoff.next(undefined) : this.#backoffs.next();
    this.#tripped = { atMs: this.#clock.nowMs(), backoff };
  }
}
