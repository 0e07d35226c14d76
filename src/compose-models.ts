import { artifactsOf, type Catalogue, type CatalogueModel, type CataloguePrice } from './catalogue/catalogue.ts';
import { parseDollars } from './core/money.ts';
import type { ModelEntry } from './http/model-directory.ts';
import type { Price } from './metering/price-book.ts';
import type { ModelCard } from './providers/contract.ts';
import type { BreakerState, Candidate, Market, MarketOpening } from './routing/plan.ts';

/** Every model that is known, imported ones included, and which artifacts lie whole in the store. */
export interface InstalledCatalogue {
  readonly catalogue: Catalogue;
  readonly installed: ReadonlySet<string>;
}

/** What the catalogue cannot know: how its models are at this moment. */
export type ModelHealth = (model: CatalogueModel) => ModelEntry['health'];

export function cardOf(model: CatalogueModel): ModelCard {
  const { id, features, languages, upstream } = model;
  // The embedded engine, which has no ceilings, cuts long recordings itself.
  const { max_seconds = null, max_upload_bytes = null } = upstream ?? {};
  const maxDurationMs = max_seconds === null ? null : Math.round(max_seconds * 1000);
  return { id, features, languages, maxDurationMs, maxUploadBytes: max_upload_bytes };
}

/** Names → prices, for the price book. */
export function pricesOf(catalogue: Catalogue): ReadonlyMap<string, Price> {
  return new Map([...catalogue.models, ...catalogue.aliases].map((entry) => [entry.id, priceOf(entry.price)]));
}

function priceOf(price: CataloguePrice): Price {
  const { per_million_input_tokens_usd: input, per_million_output_tokens_usd: output } = price;
  const tokens = input !== undefined &&
    output !== undefined && {
      audioNanos: parseDollars(price.per_million_audio_tokens_usd ?? input),
      textNanos: parseDollars(input),
      outputNanos: parseDollars(output),
    };
  return {
    nanosPerMinute: parseDollars(price.per_minute_usd),
    minimumMs: Math.round(price.minimum_seconds * 1000),
    ...(tokens && { tokens }),
    ...(price.own_key_per_minute_usd !== undefined && {
      ownKeyNanosPerMinute: parseDollars(price.own_key_per_minute_usd),
    }),
  };
}

/** What vendors take from the operator, by model: the catalogue's own price of each. Our own models cost nobody anything. */
export function vendorPricesOf(catalogue: Catalogue): ReadonlyMap<string, Price> {
  return new Map(catalogue.models.flatMap((one) => (one.upstream ? [[one.id, priceOf(one.price)]] : [])));
}

/** What the catalogue and the store cannot say of a moment and a place. */
export interface MarketSurroundings {
  /** What the breaker of a provider says of a model; left out: all are closed. */
  readonly breakerOf?: (providerId: string, modelId: string) => BreakerReading;
  /** The operator's accurate route; left out or without models: none. */
  readonly accurateRoute?: AccurateRoute;
}

export interface BreakerReading {
  readonly state: BreakerState;
  /** From now; 0 unless open. */
  readonly retryAfterMs: number;
}

/** Models that `flux-voice-accurate` means before ours, and `flux-voice` where a cheap first pass is unsure. */
export interface AccurateRoute {
  /** Ids of models or aliases. */
  readonly names: readonly string[];
  /** 0..1: mean word confidence from which the first pass is kept. */
  readonly keepAboveConfidence: number;
}

/**
 * The cheap first pass of `flux-voice` before the operator's accurate route, in order of preference: Moonshine, whose
 * confidence is calibrated in English and low in what it does not speak. A pair would hear other languages too, but no
 * figure says how sure is sure enough there: `npm run bench:auto` had it keep one foreign clip of eight with every fifth
 * word wrong.
 */
const firstPass = ['local/moonshine-tiny', 'local/moonshine-base'];

/** Aliases that the operator's accurate route leads. */
const accurateAliases = ['flux-voice', 'flux-voice-accurate'];

/** The models of the accurate route; what is in no catalogue any more is left out. */
export function accurateModels({ names }: AccurateRoute, catalogue: Catalogue): readonly string[] {
  return names.flatMap((name) => {
    if (catalogue.models.some((model) => model.id === name)) return [name];
    return catalogue.aliases.find((one) => one.id === name)?.models ?? [];
  });
}

/** What is wrong with the names of the accurate route, for the operator; null: nothing. */
export function accurateRouteProblem({ names }: AccurateRoute, catalogue: Catalogue): string | null {
  const entries = [...catalogue.models, ...catalogue.aliases];
  const unknown = names.find((name) => !entries.some((one) => one.id === name));
  if (unknown !== undefined) return `there is no model or alias '${unknown}'.`;
  const itself = names.find((name) => accurateAliases.includes(name));
  return itself === undefined ? null : `'${itself}' cannot lead to itself; name the models that it shall mean.`;
}

/**
 * The catalogue as routing sees it now. Every request asks for it twice: as long as nothing has changed it is the same
 * object, and what has not changed is the same in the next one.
 */
export function marketOf(
  current: InstalledCatalogue,
  health: ModelHealth,
  surroundings: MarketSurroundings = {},
): Market {
  const { breakerOf, accurateRoute = null } = surroundings;
  const lasting = lastingOf(current, accurateRoute);
  let hasChanged = false;
  const candidates = lasting.market.candidates.map((before, index): Candidate => {
    const { model, providerId } = lasting.models[index]!;
    const available = health(model) !== 'not-installed';
    const reading = available ? breakerOf?.(providerId, model.id) : undefined;
    const isSame =
      before.available === available &&
      before.breaker === reading?.state &&
      before.retryAfterMs === reading?.retryAfterMs;
    if (isSame) return before;
    hasChanged = true;
    const { breaker: _, retryAfterMs: __, ...others } = before;
    return { ...others, available, ...(reading && { breaker: reading.state, retryAfterMs: reading.retryAfterMs }) };
  });
  if (hasChanged) lasting.market = { ...lasting.market, candidates };
  return lasting.market;
}

/**
 * `marketOf` for every request of a server. As long as all breakers are closed and the store is as it was, nothing can have
 * changed: whether a model is there follows from the store and the settings, and its breaker is the only other thing.
 */
export function createMarket(
  current: () => InstalledCatalogue,
  health: ModelHealth,
  surroundings: MarketSurroundings,
  areAllClosed: () => boolean,
): () => Market {
  let calm: { readonly of: InstalledCatalogue; readonly market: Market } | null = null;
  return () => {
    const now = current();
    const isCalm = areAllClosed();
    if (isCalm && calm?.of === now) return calm.market;
    const market = marketOf(now, health, surroundings);
    calm = isCalm ? { of: now, market } : null;
    return market;
  };
}

/** The latest market of a state of the store, and what is behind its candidates. */
interface Lasting {
  readonly accurateRoute: AccurateRoute | null;
  readonly models: readonly { readonly model: CatalogueModel; readonly providerId: string }[];
  market: Market;
}

const known = new WeakMap<InstalledCatalogue, Lasting>();

function lastingOf(current: InstalledCatalogue, accurateRoute: AccurateRoute | null): Lasting {
  const before = known.get(current);
  if (before && before.accurateRoute === accurateRoute) return before;
  const { catalogue } = current;
  const preferred = preferredOf(catalogue, accurateRoute);
  const made: Lasting = {
    accurateRoute,
    models: catalogue.models.map((model) => ({ model, providerId: providerOf(model) })),
    market: {
      candidates: catalogue.models.map((model) => candidateOf(model, current)),
      aliases: new Map(catalogue.aliases.map((alias) => [alias.id, alias.models])),
      aliasNanosPerMinute: new Map(
        catalogue.aliases.map((alias) => [alias.id, parseDollars(alias.price.per_minute_usd)]),
      ),
      fallbacks: new Map(catalogue.models.map((model) => [model.id, model.fallbacks])),
      preferred,
      standIns: standInsOf(catalogue),
      openings: openingsOf(catalogue, preferred, accurateRoute),
    },
  };
  known.set(current, made);
  return made;
}

/** Not available until somebody has looked. */
function candidateOf(model: CatalogueModel, { installed }: InstalledCatalogue): Candidate {
  return {
    card: cardOf(model),
    available: false,
    missing: artifactsOf(model).filter((id) => !installed.has(id)),
    nanosPerMinute: parseDollars(model.price.per_minute_usd),
    ...(model.upstream && {
      providerId: model.upstream.provider,
      snapshots: model.upstream.snapshots,
      maxParallelCalls: model.upstream.max_parallel,
    }),
  };
}

/** Alias → the models of the accurate route that come before its own. */
export function preferredOf(catalogue: Catalogue, route: AccurateRoute | null): ReadonlyMap<string, readonly string[]> {
  if (!route || route.names.length === 0) return new Map();
  const models = accurateModels(route, catalogue);
  return new Map(accurateAliases.map((name) => [name, models]));
}

/** Vendors' bare names → the alias that answers for them. */
function standInsOf({ aliases }: Catalogue): ReadonlyMap<string, string> {
  return new Map(aliases.flatMap(({ id, stands_in_for }) => stands_in_for.map((name) => [name, id] as const)));
}

/** Those of the catalogue, and that of `flux-voice` where there is an accurate route; the catalogue's own wins. */
function openingsOf(
  catalogue: Catalogue,
  preferred: ReadonlyMap<string, readonly string[]>,
  route: AccurateRoute | null,
): ReadonlyMap<string, MarketOpening> {
  const openings = new Map<string, MarketOpening>();
  if (route && preferred.has('flux-voice')) {
    const { keepAboveConfidence } = route;
    openings.set('flux-voice', { modelIds: firstPass, keepAboveConfidence, beforeOthersOnly: true });
  }
  for (const { id, opening } of catalogue.aliases) {
    if (!opening) continue;
    openings.set(id, {
      modelIds: opening.models,
      keepAboveConfidence: opening.keep_above_confidence,
      beforeOthersOnly: false,
    });
  }
  return openings;
}

/** Who serves a model: a vendor's or a box's id, or `local`. */
export function providerOf({ id, upstream }: CatalogueModel): string {
  return upstream?.provider ?? id.slice(0, id.indexOf('/'));
}
