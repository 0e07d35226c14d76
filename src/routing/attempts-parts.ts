import type { GatewayError } from '../core/errors.ts';
import type { TraceSpan, Tracing } from '../core/tracing.ts';
import type { Call, Provider, ProviderAnswer, ProviderAsk } from '../providers/contract.ts';
import type { AnswerJudge } from './answer-judge.ts';
import type { AttemptLimits } from './attempt-limits.ts';
import type { AttemptRecord } from './attempt-record.ts';
import type { Breakers } from './breakers.ts';
import type { PieceLimits } from './plan.ts';

/** What the attempts of all requests share. */
export interface AttemptsParts {
  /** By id. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** The boxes of those providers that have several, the one in `providers` among them. */
  readonly boxes?: ReadonlyMap<string, readonly Provider[]>;
  /** Left out: breakers of its own, with `defaultBreakerOptions`. */
  readonly breakers?: Breakers;
  readonly limits?: AttemptLimits;
  /**
   * Providers that have a queue and watchdogs of their own, such as the embedded engine. They are not hurried where only
   * they themselves could take over.
   */
  readonly selfSupervised?: ReadonlySet<string>;
  /** Left out: every answer is believed. */
  readonly judge?: AnswerJudge;
  /** Left out: attempts that want pieces are made in one call. */
  readonly inPieces?: InPieces;
  readonly observer?: AttemptObserver;
  readonly tracing?: Tracing;
  /** Chance, 0 up to, not including, 1; left out: `Math.random`. */
  readonly dice?: () => number;
}

/** Calls a provider once for what it is given, tries again included. Rejects with GatewayError. */
export type CallOnce = (ask: ProviderAsk, call: Call) => Promise<ProviderAnswer>;

export interface PiecesOptions {
  /**
   * Asked when a piece has failed for good: whether the others are to be heard all the same, because nobody else could
   * do better. Left out: never; the first such failure ends all other calls at once.
   */
  readonly keepGoing?: () => boolean;
}

/**
 * Cuts the recording of `ask` into pieces within `limits`, has `callOnce` answer each, and puts the answers together.
 * Events go to `call.onEvent` in time order, with times of the whole recording. Rejects with GatewayError, soon after the
 * signal was aborted; with PiecesError where a piece failed for good and others were heard.
 */
export type InPieces = (
  callOnce: CallOnce,
  limits: PieceLimits,
  ask: ProviderAsk,
  call: Call,
  options?: PiecesOptions,
) => Promise<ProviderAnswer>;

/** Told how attempts go, for metrics. */
export interface AttemptObserver {
  attemptEnded(record: AttemptRecord): void;
  /** Before a provider is asked once more. */
  retried(providerId: string, modelId: string, failure: GatewayError): void;
}

/** Providers as they are with an account's own keys. */
export interface OwnProviders {
  /** By id. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** The account's alone: a bad key of one account must not keep anybody else from the provider. */
  readonly breakers: Breakers;
  /** Told how a provider took the account's key. Must not throw. */
  readonly onEnded: (providerId: string, verdict: 'working' | 'refused') => void;
}

/** The surroundings of one request. */
export interface AttemptsCall extends Call {
  /** When its deadline is, as `performance.now()` counts; left out: it has none. */
  readonly deadlineAtMs?: number;
  /** What attempts with the account's own keys are made by; left out: the account has none. */
  readonly own?: OwnProviders;
  /** The request's span; left out: attempts begin traces of their own. */
  readonly span?: TraceSpan;
}
