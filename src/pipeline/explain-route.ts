import type { Nanos } from '../core/money.ts';
import type { Price, PriceBook } from '../metering/price-book.ts';
import { noAttemptError } from '../routing/no-attempt.ts';
import type {
  Attempt,
  BreakerState,
  Candidate,
  Market,
  PassReason,
  PieceLimits,
  RouteAsk,
  RoutingPolicy,
} from '../routing/plan.ts';

/** What is to be explained; what is left out is taken as not known. */
export type ExplainAsk = RouteAsk;

/** Which models would be asked for a recording, in which order, and why not the others. Nothing is sent anywhere. */
export interface RouteExplanation {
  readonly model: string;
  /** The name in the catalogue: the price is its. */
  readonly resolvedName: string;
  /** What a minute costs, whichever model answers. */
  readonly price: Price;
  readonly opening: (ExplainedAttempt & { readonly keepAboveConfidence: number }) | null;
  /** In order; the next one is asked where one fails. */
  readonly attempts: readonly ExplainedAttempt[];
  readonly passedOver: readonly ExplainedPass[];
  /** What a request would be answered at once; null: it would be tried. */
  readonly refusal: { readonly code: string; readonly status: number; readonly message: string } | null;
}

export interface ExplainedAttempt {
  readonly modelId: string;
  readonly providerId: string;
  /** null: the whole recording in one call. */
  readonly pieces: PieceLimits | null;
  readonly breaker: BreakerState;
  /** What a minute costs who asks for this model by its own name; null: unknown. */
  readonly nanosPerMinute: Nanos | null;
}

export interface ExplainedPass {
  readonly modelId: string;
  readonly why: PassReason;
  /** A sentence for people. */
  readonly words: string;
  /** When an open breaker lets a request through again, in milliseconds from now; null: it is not open. */
  readonly retryAfterMs: number | null;
}

export interface ExplainRouteParts {
  readonly policy: RoutingPolicy;
  readonly market: () => Market;
  readonly prices: PriceBook;
}

/** Throws GatewayError `model_not_found` for a name that nothing has. */
export type ExplainRoute = (ask: ExplainAsk) => RouteExplanation;

/** Plans exactly as a request is planned, at this moment, and puts the plan into words. */
export function createExplainRoute({ policy, market, prices }: ExplainRouteParts): ExplainRoute {
  return (ask) => {
    const now = market();
    const plan = policy.plan(ask, now);
    if (plan.resolvedName === null) throw noAttemptError(ask, plan, now);
    const explained = (attempt: Attempt) => explainAttempt(attempt, now);
    const { opening } = plan;
    const error = plan.attempts.length > 0 ? null : noAttemptError(ask, plan, now);
    return {
      model: ask.model,
      resolvedName: plan.resolvedName,
      price: prices.priceOf(plan.resolvedName),
      opening: opening ? { ...explained(opening.attempt), keepAboveConfidence: opening.keepAboveConfidence } : null,
      attempts: plan.attempts.map(explained),
      passedOver: plan.passedOver.map(({ modelId, why }) => {
        const candidate = candidateOf(modelId, now);
        return {
          modelId,
          why,
          words: wordsFor(why, ask, candidate),
          retryAfterMs: why === 'breaker-open' ? (candidate?.retryAfterMs ?? null) : null,
        };
      }),
      refusal: error && { code: error.code, status: error.status, message: error.message },
    };
  };
}

function candidateOf(modelId: string, { candidates }: Market): Candidate | null {
  // An attempt may be pinned to a day: the model itself is the longest id that it begins with.
  return (
    candidates.find((one) => one.card.id === modelId) ??
    candidates.find((one) => one.snapshots && modelId.startsWith(`${one.card.id}-`)) ??
    null
  );
}

function explainAttempt({ modelId, providerId, pieces }: Attempt, market: Market): ExplainedAttempt {
  const candidate = candidateOf(modelId, market);
  return {
    modelId,
    providerId,
    pieces: pieces ?? null,
    breaker: candidate?.breaker ?? 'closed',
    nanosPerMinute: candidate?.nanosPerMinute ?? null,
  };
}

function wordsFor(why: PassReason, ask: RouteAsk, candidate: Candidate | null): string {
  switch (why) {
    case 'not-available':
      if (candidate && candidate.missing.length > 0) {
        return `It is not installed: fluxscribe models pull ${candidate.missing.join(' ')}`;
      }
      return candidate?.providerId
        ? `Its provider '${candidate.providerId}' is not switched on here.`
        : 'It is not there at the moment.';
    case 'language':
      return `It does not speak '${ask.language}'.`;
    case 'feature':
      return ask.task === 'translate' ? 'It cannot translate.' : 'It cannot transcribe recordings.';
    case 'not-allowed':
      return 'The key may not use it.';
    case 'leaves-machine':
      return 'The key lets nothing leave this machine.';
    case 'too-expensive':
      return 'It costs more than the key may spend on a minute.';
    case 'breaker-open':
      return 'It has failed too often just now and is left alone for a while.';
  }
}
