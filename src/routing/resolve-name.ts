import { unpinnedName } from '../core/pinned-name.ts';
import { candidateById, hasOwnKey } from './candidates.ts';
import type { Candidate, Market, OwnKeys, RouteAccess } from './plan.ts';

/** What a name stands for. */
export interface Named {
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

/** A caller's name and what bears on its meaning. */
export interface NameAsk {
  readonly model: string;
  readonly access?: Pick<RouteAccess, 'allowedModels'>;
  readonly own?: Own;
}

type Own = Pick<OwnKeys, 'providerIds'>;

/**
 * What the caller's name stands for: an alias, a model by its full id, by its bare name or pinned to a day, or an alias
 * that stands in for a vendor's name; null: nobody has such a name.
 */
export function resolveName(ask: NameAsk, market: Market): Named | null {
  const { model: name, own } = ask;
  if (market.aliases.has(name)) return namedAlias(name, market);
  const model = namedModel(name, market, own);
  if (model?.isServed) return model.named;
  // A day that no model of the name has is no name at all.
  const isPinned = model !== null && model.named.pinnedId !== null;
  const standIn = standInFor(isPinned ? unpinnedName(name) : name, ask, market);
  return standIn === null ? (model?.named ?? null) : namedAlias(standIn, market);
}

/**
 * The alias that answers for a name that nobody serves here. Clients that were written for a vendor go on naming its
 * model; a key's list has to hold either name, so that nobody is answered by what the key leaves out.
 */
function standInFor(bareName: string | null, { model, access }: NameAsk, market: Market): string | null {
  const alias = bareName === null ? undefined : market.standIns?.get(bareName);
  if (alias === undefined) return null;
  const allowed = access?.allowedModels ?? null;
  return allowed === null || allowed.includes(alias) || allowed.includes(model) ? alias : null;
}

function namedAlias(name: string, market: Market): Named {
  const preferred = [...new Set(market.preferred?.get(name) ?? [])];
  const own = [...new Set(market.aliases.get(name) ?? [])].filter((id) => !preferred.includes(id));
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

/** The one model of a name, and whether it or one of those that stand in for it is served here. */
function namedModel(
  name: string,
  market: Market,
  own: Own | undefined,
): { readonly named: Named; readonly isServed: boolean } | null {
  const exact = candidateNamed(name, market, own);
  const unpinned = exact ? null : unpinnedName(name);
  const model = exact ?? (unpinned === null ? null : candidateNamed(unpinned, market, own));
  if (!model || (unpinned !== null && !model.snapshots)) return null;
  const { id } = model.card;
  const standIns = [...new Set(market.fallbacks?.get(id) ?? [])].filter((one) => one !== id);
  return {
    named: {
      name: id,
      pinnedId: unpinned === null ? null : id + name.slice(unpinned.length),
      groups: [
        { modelIds: [id], whenLanguageUnknown: (candidates) => candidates },
        { modelIds: standIns, whenLanguageUnknown: severalFirst },
      ],
    },
    isServed: [id, ...standIns].some((one) => isServed(candidateById(one, market), own)),
  };
}

/**
 * The model of this full id, or the one with this name behind its provider's prefix. Where several providers have it, the
 * one that is available is meant; where several are, the first, never another in its place: who asks for a name does not
 * agree to whoever has it.
 */
function candidateNamed(name: string, market: Market, own: Own | undefined): Candidate | null {
  const exact = candidateById(name, market);
  if (exact) return exact;
  const bare = market.candidates.filter((one) => one.card.id.endsWith(`/${name}`));
  return bare.find((one) => isServed(one, own)) ?? bare[0] ?? null;
}

function isServed(candidate: Candidate | null, own: Own | undefined): boolean {
  return candidate !== null && (candidate.available || hasOwnKey(candidate, own));
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
