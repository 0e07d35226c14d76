import { unpinnedName } from '../core/pinned-name.ts';
import type { Feature, ModelCard } from '../providers/contract.ts';
import type { Attempt, Candidate, Market, PassReason, RouteAsk, RoutingPolicy } from './plan.ts';

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
