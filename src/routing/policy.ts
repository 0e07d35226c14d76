import { unpinnedName } from '../core/pinned-name.ts';
import type { Feature, ModelCard } from '../providers/contract.ts';
import type {
  Attempt,
  Candidate,
  Market,
  Opening,
  OwnKeys,
  PassReason,
  PieceLimits,
  RouteAccess,
  RouteAsk,
  RoutingPolicy,
} from './plan.ts';

/** Where the embedded engine is: what it hears does not leave this machine. */
const localProviderId = 'local';

/** The provider of a full model id: the part before the slash. */
export function providerOf(modelId: string): string {
  return modelId.slice(0, modelId.indexOf('/'));
}

/**
 * Takes the models of the alias, or the one model named and those that stand in for it, in their order, and leaves out
 * those that cannot do it, may not, or fail at the moment. Without a language named, models that know several come before
 * those that know one: the one that knows English alone would write nonsense for French. Bare names (`moonshine-tiny`)
 * and names pinned to a day resolve too. Recordings above a model's ceilings are no reason against it: they are cut.
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

/** What a name stands for. */
interface Named {
  /** As the catalogue writes it. */
  readonly name: string;
  /** Tried one group after the other; a model is in one of them only. */
  readonly groups: readonly Group[];
  /** What the one model is to be called in the attempt: itself on a certain day. */
  readonly pinnedId: string | null;
}

interface Group {
  readonly modelIds: readonly string[];
  /** The order of this group's candidates where nobody says what is spoken. */
  readonly whenLanguageUnknown: (candidates: readonly Candidate[]) => readonly Candidate[];
}

interface Context {
  readonly ask: RouteAsk;
  readonly market: Market;
  readonly named: Named;
}

function resolveName({ model: name, own }: RouteAsk, market: Market): Named | null {
  const members = market.aliases.get(name);
  if (members) {
    const preferred = [...new Set(market.preferred?.get(name) ?? [])];
    const own = [...new Set(members)].filter((id) => !preferred.includes(id));
    return {
      name,
      pinnedId: null,
      groups: [
        // Somebody wrote this order for this purpose: it holds as far as it can.
        { modelIds: preferred, whenLanguageUnknown: severalFirst },
        { modelIds: own, whenLanguageUnknown: widestFirst },
      ],
    };
  }
  const exact = candidateNamed(name, market, own);
  if (exact) return namedModel(exact.card.id, null, market);
  const unpinned = unpinnedName(name);
  const model = unpinned === null ? null : candidateNamed(unpinned, market, own);
  if (unpinned === null || !model?.snapshots) return null;
  return namedModel(model.card.id, model.card.id + name.slice(unpinned.length), market);
}

function namedModel(id: string, pinnedId: string | null, market: Market): Named {
  const standIns = [...new Set(market.fallbacks?.get(id) ?? [])].filter((one) => one !== id);
  return {
    name: id,
    pinnedId,
    groups: [
      { modelIds: [id], whenLanguageUnknown: (candidates) => candidates },
      { modelIds: standIns, whenLanguageUnknown: severalFirst },
    ],
  };
}

/**
 * The model of this full id, or the one with this name behind its provider's prefix. Where several providers have it, the
 * one that is available is meant; where several are, the first, never another in its place: who asks for a name does not
 * agree to whoever has it.
 */
function candidateNamed(name: string, market: Market, own: OwnKeys | undefined): Candidate | null {
  const exact = candidateById(name, market);
  if (exact) return exact;
  const bare = market.candidates.filter((one) => one.card.id.endsWith(`/${name}`));
  return bare.find((one) => one.available || hasOwnKey(one, own)) ?? bare[0] ?? null;
}

/** Markets are the same object for as long as nothing changes: each is indexed once. */
const indexes = new WeakMap<Market, ReadonlyMap<string, Candidate>>();

function candidateById(id: string, market: Market): Candidate | null {
  let index = indexes.get(market);
  if (!index) {
    index = new Map(market.candidates.map((one) => [one.card.id, one]));
    indexes.set(market, index);
  }
  return index.get(id) ?? null;
}

/** Those that know as many languages as any of them, then the others, each in their order. */
function widestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  const widest = Math.max(...candidates.map(languageCount));
  return partitioned(candidates, (one) => languageCount(one) === widest);
}

/** Those that know more than one language, then the others, each in their order. */
function severalFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return partitioned(candidates, (one) => languageCount(one) > 1);
}

function partitioned(candidates: readonly Candidate[], isFirst: (one: Candidate) => boolean): readonly Candidate[] {
  return [...candidates.filter(isFirst), ...candidates.filter((one) => !isFirst(one))];
}

function languageCount({ card: { languages } }: Candidate): number {
  return languages.includes('*') ? Number.POSITIVE_INFINITY : languages.length;
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

function servedBy({ card, providerId }: Candidate): string {
  return providerId ?? providerOf(card.id);
}

function hasOwnKey(candidate: Candidate, own: OwnKeys | undefined): boolean {
  return own?.providerIds.has(servedBy(candidate)) ?? false;
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
