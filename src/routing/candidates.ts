import type { Candidate, Market, OwnKeys } from './plan.ts';

/** The provider of a full model id: the part before the slash. */
export function providerOf(modelId: string): string {
  return modelId.slice(0, modelId.indexOf('/'));
}

/** Who serves a model: `local`, a vendor's or a box's id. */
export function servedBy({ card, providerId }: Candidate): string {
  return providerId ?? providerOf(card.id);
}

export function hasOwnKey(candidate: Candidate, own: Pick<OwnKeys, 'providerIds'> | undefined): boolean {
  return own?.providerIds.has(servedBy(candidate)) ?? false;
}

/** Markets are the same object for as long as nothing changes: each is indexed once. */
const indexes = new WeakMap<Market, ReadonlyMap<string, Candidate>>();

export function candidateById(id: string, market: Market): Candidate | null {
  let index = indexes.get(market);
  if (!index) {
    index = new Map(market.candidates.map((one) => [one.card.id, one]));
    indexes.set(market, index);
  }
  return index.get(id) ?? null;
}
