import { audioFormats, type CatalogueModel, type CataloguePrice } from './catalogue/catalogue.ts';
import {
  type InstalledCatalogue,
  type MarketSurroundings,
  type ModelHealth,
  marketOf,
  preferredOf,
  providerOf,
} from './compose-models.ts';
import type { ModelDirectory, ModelEntry } from './http/model-directory.ts';
import { resolveName } from './routing/resolve-name.ts';

type OwnProviderIds = ReadonlySet<string>;
const none: OwnProviderIds = new Set();

/** The catalogue as callers see it now: aliases first, then models; what is not installed is found by name only. */
export function createModelDirectory(
  current: () => InstalledCatalogue,
  health: ModelHealth,
  limits: { readonly maxUploadBytes: number; readonly maxAudioSeconds: number },
  surroundings: MarketSurroundings = {},
): ModelDirectory {
  const { breakerOf, accurateRoute = null } = surroundings;
  const healthNow = (model: CatalogueModel, ownProviders: OwnProviderIds): ModelEntry['health'] => {
    const base = health(model);
    // Whoever has a key of their own needs no provider of the operator's.
    if (base !== 'ready' && model.upstream && ownProviders.has(model.upstream.provider)) return 'ready';
    if (base !== 'ready' || !breakerOf) return base;
    return breakerOf(providerOf(model), model.id).state === 'closed' ? 'ready' : 'degraded';
  };
  const modelEntry = (model: CatalogueModel, ownProviders: OwnProviderIds): ModelEntry => ({
    id: model.id,
    name: model.name,
    description: model.description,
    ownedBy: model.id.slice(0, model.id.indexOf('/')),
    createdSeconds: secondsOf(model.released),
    aliasOf: null,
    fallbacks: model.fallbacks,
    capabilities: model.features,
    languages: model.languages,
    audioFormats: model.upstream?.formats ?? audioFormats,
    price: shownPrice(model.price),
    limits,
    callLimits: {
      maxUploadBytes: model.upstream?.max_upload_bytes ?? null,
      maxAudioSeconds: model.upstream?.max_seconds ?? null,
    },
    isLocal: model.upstream === undefined,
    health: healthNow(model, ownProviders),
  });
  const all = (ownProviders: OwnProviderIds): readonly ModelEntry[] => {
    const { catalogue } = current();
    const preferred = preferredOf(catalogue, accurateRoute);
    const entries = catalogue.models.map((model) => modelEntry(model, ownProviders));
    const aliasEntries = catalogue.aliases.map((alias): ModelEntry => {
      const members = [...new Set([...(preferred.get(alias.id) ?? []), ...alias.models])];
      const behind = members.flatMap((id) => entries.find((entry) => entry.id === id) ?? []);
      return {
        id: alias.id,
        name: alias.name,
        description: alias.description,
        ownedBy: 'fluxscribe',
        createdSeconds: secondsOf(alias.released),
        aliasOf: members,
        fallbacks: [],
        // An alias can do what any model behind it can.
        capabilities: [...new Set(behind.flatMap((entry) => entry.capabilities))],
        languages: [...new Set(behind.flatMap((entry) => entry.languages))],
        audioFormats,
        price: shownPrice(alias.price),
        limits,
        callLimits: { maxUploadBytes: null, maxAudioSeconds: null },
        isLocal: behind.some((entry) => entry.isLocal),
        health: bestHealth(behind),
      };
    });
    return [...aliasEntries, ...entries];
  };
  return {
    list: (ownProviders = none) =>
      all(ownProviders).filter((entry) => entry.aliasOf !== null || entry.health !== 'not-installed'),
    find(id, ownProviders = none, allowedModels = null) {
      const market = marketOf(current(), health, surroundings);
      // By the rule that a request's name is read by.
      const named = resolveName({ model: id, own: { providerIds: ownProviders }, access: { allowedModels } }, market);
      return all(ownProviders).find((entry) => entry.id === named?.name) ?? null;
    },
  };
}

function shownPrice(price: CataloguePrice): ModelEntry['price'] {
  const { per_million_input_tokens_usd: input, per_million_output_tokens_usd: output } = price;
  const tokens = input !== undefined &&
    output !== undefined && {
      inputUsd: input,
      audioUsd: price.per_million_audio_tokens_usd ?? input,
      outputUsd: output,
    };
  return {
    perMinuteUsd: price.per_minute_usd,
    minimumSeconds: price.minimum_seconds,
    perMillionTokens: tokens || null,
  };
}

function bestHealth(entries: readonly ModelEntry[]): ModelEntry['health'] {
  const states = entries.map((entry) => entry.health);
  const best = (['ready', 'degraded'] as const).find((state) => states.includes(state));
  return best ?? states[0] ?? 'unavailable';
}

function secondsOf(day: string | undefined): number {
  return day === undefined ? 0 : Date.parse(`${day}T00:00:00Z`) / 1000;
}
