import { unpinnedName } from '../core/pinned-name.ts';
import type { Feature, ModelCard } from '../providers/contract.ts';

/** What the caller wants, as far as choosing an engine needs to know. */
export interface RouteAsk {
  /** As written by the caller: an alias, a full model id or a bare name. */
  readonly model: string;
  /** ISO-639-1; null: unknown. */
  readonly language: string | null;
  readonly task: 'transcribe' | 'translate';
  readonly durationMs: number;
  /** Of the upload; left out: not known yet. */
  readonly sizeBytes?: number;
}

/** A model that exists, with what is known of it right now. */
export interface Candidate {
  readonly card: ModelCard;
  /** Installed (local) or switched on (upstream). */
  readonly available: boolean;
  /** Who serves it, where that is not the part of the id before the slash. */
  readonly providerId?: string;
  /** Whether it also exists under this name pinned to a day. */
  readonly snapshots?: boolean;
  /** Artifacts of ours that would have to be installed to make it available; empty for another provider's model. */
  readonly missing: readonly string[];
}

/** Everything that a decision may depend on; the same market gives the same plan. */
export interface Market {
  readonly candidates: readonly Candidate[];
  /** Alias → model ids in order of preference. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

export interface Attempt {
  readonly modelId: string;
  readonly providerId: string;
}

export type PassReason = 'not-available' | 'language' | 'feature' | 'too-long' | 'too-large';

export interface Plan {
  /** The catalogue name that the ask resolved to (an alias or a model id): the price is looked up under it. */
  readonly resolvedName: string | null;
  /** In order. */
  readonly attempts: readonly Attempt[];
  readonly passedOver: readonly { readonly modelId: string; readonly why: PassReason }[];
}

/** Pure: ask and market in, ordered attempts and the reasons against the others out. */
export interface RoutingPolicy {
  plan(ask: RouteAsk, market: Market): Plan;
}

/** The provider of a full model id: the part before the slash. */
export function providerOf(modelId: string): string {
  return modelId.slice(0, modelId.indexOf('/'));
}

/**
 * Takes the models of the alias (or the one model named) in catalogue order and leaves out those that cannot do it.
 * Without a language named, models that know the most languages come before the others: the one that knows English alone
 * would write nonsense for French. Bare names (`moonshine-tiny`) and names pinned to a day resolve too.
 */
export const catalogueOrderPolicy: RoutingPolicy = {
  plan(ask, market) {
    const named = resolve(ask.model, market);
    if (!named) return { resolvedName: null, attempts: [], passedOver: [] };
    const able: Candidate[] = [];
    const passedOver: { modelId: string; why: PassReason }[] = [];
    for (const modelId of named.modelIds) {
      const candidate = market.candidates.find((one) => one.card.id === modelId);
      const why = candidate ? reasonAgainst(candidate, ask) : 'not-available';
      if (why) passedOver.push({ modelId, why });
      else if (candidate) able.push(candidate);
    }
    const ordered = ask.language === null ? widestFirst(able) : able;
    const attempts = ordered.map(
      ({ card, providerId }): Attempt => ({
        modelId: named.pinnedId ?? card.id,
        providerId: providerId ?? providerOf(card.id),
      }),
    );
    return { resolvedName: named.name, attempts, passedOver };
  },
};

interface Named {
  readonly name: string;
  readonly modelIds: readonly string[];
  /** What the one model is to be called in the attempt: itself on a certain day. */
  readonly pinnedId: string | null;
}

function resolve(name: string, market: Market): Named | null {
  const members = market.aliases.get(name);
  if (members) return { name, modelIds: members, pinnedId: null };
  const known = candidateNamed(name, market);
  if (known) return { name: known.card.id, modelIds: [known.card.id], pinnedId: null };
  const unpinned = unpinnedName(name);
  const model = unpinned === null ? null : candidateNamed(unpinned, market);
  if (unpinned === null || !model?.snapshots) return null;
  const { id } = model.card;
  return { name: id, modelIds: [id], pinnedId: id + name.slice(unpinned.length) };
}

/**
 * The model of this full id, or the one with this name behind its provider's prefix. Where several providers have it, the
 * one that is available is meant; where several are, the first, never another in its place: who asks for a name does not
 * agree to whoever has it.
 */
function candidateNamed(name: string, { candidates }: Market): Candidate | null {
  const exact = candidates.find((one) => one.card.id === name);
  if (exact) return exact;
  const bare = candidates.filter((one) => one.card.id.endsWith(`/${name}`));
  return bare.find((one) => one.available) ?? bare[0] ?? null;
}

/** Those that know as many languages as any of them, then the others, each in their order. */
function widestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  const width = ({ card: { languages } }: Candidate) =>
    languages.includes('*') ? Number.POSITIVE_INFINITY : languages.length;
  const widest = Math.max(...candidates.map(width));
  return [...candidates.filter((one) => width(one) === widest), ...candidates.filter((one) => width(one) < widest)];
}

function reasonAgainst(candidate: Candidate, ask: RouteAsk): PassReason | null {
  const { card, available } = candidate;
  if (!card.features.includes(ask.task satisfies Feature)) return 'feature';
  if (ask.language !== null && !speaks(card, ask.language)) return 'language';
  if (!available) return 'not-available';
  if (card.maxDurationMs !== null && ask.durationMs > card.maxDurationMs) return 'too-long';
  if (card.maxUploadBytes !== null && (ask.sizeBytes ?? 0) > card.maxUploadBytes) return 'too-large';
  return null;
}

/** Whether the model takes audio in this language. */
export function speaks(card: ModelCard, language: string): boolean {
  return card.languages.includes('*') || card.languages.includes(language);
}
