import type { Feature, ModelCard } from '../providers/contract.ts';
import { candidateById, hasOwnKey, servedBy } from './candidates.ts';
import type {
  Attempt,
  Candidate,
  Market,
  Opening,
  PassReason,
  PieceLimits,
  RouteAccess,
  RouteAsk,
  RoutingPolicy,
} from './plan.ts';
import { type Named, resolveName } from './resolve-name.ts';

/** Where the embedded engine is: what it hears does not leave this machine. */
const localProviderId = 'local';

/**
 * Takes the models of the alias, or the one model named and those that stand in for it, in their order, and leaves out
 * those that cannot do it, may not, or fail at the moment. Without a language named, models that know several come before
 * those that know one: the one that knows English alone would write nonsense for French. Recordings above a model's
 * ceilings are no reason against it: they are cut.
 */
export const catalogueOrderPolicy: RoutingPolicy = {
  plan(ask, market) {
    const named = resolveName(ask, market);
    if (!named) return { resolvedName: null, attempts: [], passedOver: [] };
    const context: Context = { ask, market, named };
    const attempts: Attempt[] = [];
    const passedOver: { modelId: string; why: PassReason }[] = [];
    for (const group of named.groups) {
      const able: Candidate[] = [];
      for (const modelId of group.modelIds) {
        const candidate = candidateById(modelId, market);
        const why = candidate ? reasonAgainst(candidate, context) : 'not-available';
        if (why) passedOver.push({ modelId, why });
        else if (candidate) able.push(candidate);
      }
      const ordered = ask.language === null ? group.whenLanguageUnknown(able) : able;
      attempts.push(...ordered.flatMap((candidate) => attemptsOf(candidate, context)));
    }
    const opening = openingOf(context, attempts);
    return { resolvedName: named.name, ...(opening && { opening }), attempts, passedOver };
  },
};

interface Context {
  readonly ask: RouteAsk;
  readonly market: Market;
  readonly named: Named;
}

/** What nothing can change comes first: what the key forbids, then what the model cannot, then what is only so now. */
function reasonAgainst(candidate: Candidate, context: Context): PassReason | null {
  const { ask } = context;
  const { card } = candidate;
  const forbidden = accessReason(candidate, context);
  if (forbidden) return forbidden;
  if (!card.features.includes(ask.task satisfies Feature)) return 'feature';
  if (ask.language !== null && !speaks(card, ask.language)) return 'language';
  // With a key of its own the account has its own way there, and its own breaker on it.
  if (hasOwnKey(candidate, ask.own)) return null;
  return operatorsReason(candidate);
}

/** Why the operator's own key cannot be used now; null: it can. */
function operatorsReason({ available, breaker }: Candidate): PassReason | null {
  if (!available) return 'not-available';
  return breaker === 'open' ? 'breaker-open' : null;
}

function accessReason(candidate: Candidate, { ask, market, named }: Context): PassReason | null {
  const { access } = ask;
  if (!access) return null;
  const { id } = candidate.card;
  const isAlias = market.aliases.has(named.name);
  if (access.allowedModels) {
    // The caller's own spelling counts too: a key's list may hold a bare name.
    const isNameAllowed = [named.name, ask.model].some((name) => access.allowedModels?.includes(name));
    const isModelAllowed = isAlias || id === named.name || access.allowedModels.includes(id);
    if (!isNameAllowed || !isModelAllowed) return 'not-allowed';
  }
  if (access.localOnly && servedBy(candidate) !== localProviderId) return 'leaves-machine';
  // Everybody pays the price of the name that was asked for, whichever model answers.
  const priced = isAlias ? candidate : (candidateById(named.name, market) ?? candidate);
  const nanosPerMinute =
    planPriceOf(access, named.name)?.nanosPerMinute ??
    market.aliasNanosPerMinute?.get(named.name) ??
    priced.nanosPerMinute;
  const isTooExpensive =
    access.maxNanosPerMinute !== null && nanosPerMinute !== undefined && nanosPerMinute > access.maxNanosPerMinute;
  return isTooExpensive ? 'too-expensive' : null;
}

/** What the plan of an account sets for a name; undefined: the catalogue's price counts. */
export function planPriceOf({ prices }: RouteAccess, name: string) {
  return prices && Object.hasOwn(prices, name) ? prices[name] : undefined;
}

/** The account's own key first; then, where the operator has the same provider, the operator's. */
function attemptsOf(candidate: Candidate, context: Context): readonly Attempt[] {
  const attempt = attemptOf(candidate, context);
  const { own } = context.ask;
  if (!attempt.ownKey || own?.isAlone || operatorsReason(candidate) !== null) return [attempt];
  const { ownKey: _, ...operators } = attempt;
  return [attempt, operators];
}

function attemptOf(candidate: Candidate, { ask, named }: Context): Attempt {
  const { id } = candidate.card;
  const pieces = piecesOf(candidate, ask);
  return {
    modelId: id === named.name ? (named.pinnedId ?? id) : id,
    providerId: servedBy(candidate),
    ...(hasOwnKey(candidate, ask.own) && { ownKey: true as const }),
    ...(pieces && { pieces }),
  };
}

/** How the recording is to be cut for the model; null: one call takes it. A vendor's ceilings are ours to hide. */
function piecesOf({ card, maxParallelCalls }: Candidate, ask: RouteAsk): PieceLimits | null {
  const { maxDurationMs, maxUploadBytes } = card;
  const isTooLong = maxDurationMs !== null && ask.durationMs > maxDurationMs;
  const isTooLarge = maxUploadBytes !== null && (ask.sizeBytes ?? 0) > maxUploadBytes;
  return isTooLong || isTooLarge ? { maxDurationMs, maxUploadBytes, maxParallelCalls: maxParallelCalls ?? 1 } : null;
}

/**
 * The cheap first pass before an alias's models: the first of its models that can. How sure a model is of a translation
 * says nothing, so there is none for them. A model of one language may hear a recording of which nobody says what is
 * spoken: it is unsure of every other language, and the recording goes on to the attempts.
 */
function openingOf(context: Context, attempts: readonly Attempt[]): Opening | null {
  const { ask, market, named } = context;
  const opening = market.openings?.get(named.name);
  const [first] = attempts;
  if (!opening || !first || ask.task !== 'transcribe') return null;
  const candidate = opening.modelIds
    .flatMap((id) => candidateById(id, market) ?? [])
    .find((one) => reasonAgainst(one, context) === null);
  if (!candidate || candidate.card.id === first.modelId) return null;
  if (opening.beforeOthersOnly && servedBy(candidate) === first.providerId) return null;
  return { attempt: attemptOf(candidate, context), keepAboveConfidence: opening.keepAboveConfidence };
}

/** Whether the model takes audio in this language. */
export function speaks(card: ModelCard, language: string): boolean {
  return card.languages.includes('*') || card.languages.includes(language);
}
