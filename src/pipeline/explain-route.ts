import type { Nanos } from '../core/money.ts';
import type { Price, PriceBook } from '../metering/price-book.ts';
import type { Feature } from '../providers/contract.ts';
import { providerOf } from '../routing/candidates.ts';
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
import { planPriceOf } from '../routing/policy.ts';

/** What is to be explained; what is left out is taken as not known. */
export interface ExplainAsk extends RouteAsk {
  /** Times that the reply has to show. */
  readonly needs?: readonly Feature[];
}

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
  /** A sentence for people: when it is asked. */
  readonly words: string;
  /** Times that the reply needs and the model does not give: they are found here, in the sound. */
  readonly adds: readonly Feature[];
  /** null: the whole recording in one call. */
  readonly pieces: PieceLimits | null;
  readonly breaker: BreakerState;
  /** What a minute costs who asks for this model by its own name; null: unknown. */
  readonly nanosPerMinute: Nanos | null;
}

export interface ExplainedPass {
  readonly modelId: string;
  readonly providerId: string;
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
    const explained = (attempt: Attempt, words: string) => explainAttempt(attempt, words, ask, now);
    const { opening, resolvedName } = plan;
    const error = plan.attempts.length > 0 ? null : noAttemptError(ask, plan, now);
    return {
      model: ask.model,
      resolvedName: plan.resolvedName,
      price: (ask.access && planPriceOf(ask.access, plan.resolvedName)) ?? prices.priceOf(plan.resolvedName),
      opening: opening
        ? {
            ...explained(opening.attempt, 'A quick first pass, whose answer stands where it is sure of its words.'),
            keepAboveConfidence: opening.keepAboveConfidence,
          }
        : null,
      attempts: plan.attempts.map((attempt, index) => explained(attempt, attemptWords(attempt, index, resolvedName))),
      passedOver: plan.passedOver.map(({ modelId, why }) => {
        const candidate = candidateOf(modelId, now);
        return {
          modelId,
          providerId: candidate?.providerId ?? providerOf(modelId),
          why,
          words: wordsFor(why, ask, candidate),
          retryAfterMs: why === 'breaker-open' ? (candidate?.retryAfterMs ?? null) : null,
        };
      }),
      refusal: error && { code: error.code, status: error.status, message: error.message },
    };
  };
}

function attemptWords(attempt: Attempt, index: number, resolvedName: string): string {
  const words = index === 0 ? wordsForFirst(attempt, resolvedName) : 'Asked where those before it fail.';
  return attempt.ownKey ? `${words} With the account's own key.` : words;
}

function candidateOf(modelId: string, { candidates }: Market): Candidate | null {
  // An attempt may be pinned to a day: the model itself is the longest id that it begins with.
  return (
    candidates.find((one) => one.card.id === modelId) ??
    candidates.find((one) => one.snapshots && modelId.startsWith(`${one.card.id}-`)) ??
    null
  );
}

function explainAttempt(
  { modelId, providerId, pieces }: Attempt,
  words: string,
  { needs = [], access }: ExplainAsk,
  market: Market,
): ExplainedAttempt {
  const candidate = candidateOf(modelId, market);
  return {
    modelId,
    providerId,
    words,
    adds: needs.filter((one) => !candidate?.card.features.includes(one)),
    pieces: pieces ?? null,
    breaker: candidate?.breaker ?? 'closed',
    nanosPerMinute: (access && planPriceOf(access, modelId)?.nanosPerMinute) ?? candidate?.nanosPerMinute ?? null,
  };
}

/** An attempt may be pinned to a day, which the name is not. */
function wordsForFirst({ modelId }: Attempt, resolvedName: string): string {
  return modelId.startsWith(resolvedName)
    ? 'The model that was asked for.'
    : `The first model of '${resolvedName}' that can do it.`;
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
