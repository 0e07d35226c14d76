import { artifactsOf, type Catalogue, type CatalogueModel, type CataloguePrice } from './catalogue/catalogue.ts';
import { parseDollars } from './core/money.ts';
import { unpinnedName } from './core/pinned-name.ts';
import type { ModelDirectory, ModelEntry } from './http/model-directory.ts';
import type { Price } from './metering/price-book.ts';
import type { ModelCard } from './providers/contract.ts';
import type { Market } from './routing/plan.ts';

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
  };
}

/** The catalogue as routing sees it now. */
export function marketOf({ catalogue, installed }: InstalledCatalogue, health: ModelHealth): Market {
  return {
    candidates: catalogue.models.map((model) => ({
      card: cardOf(model),
      available: health(model) !== 'not-installed',
      missing: artifactsOf(model).filter((id) => !installed.has(id)),
      ...(model.upstream && { providerId: model.upstream.provider, snapshots: model.upstream.snapshots }),
    })),
    aliases: new Map(catalogue.aliases.map((alias) => [alias.id, alias.models])),
  };
}

/** The catalogue as callers see it now: aliases first, then models; what is not installed is found by name only. */
export function createModelDirectory(
  current: () => InstalledCatalogue,
  health: ModelHealth,
  limits: { readonly maxUploadBytes: number; readonly maxAudioSeconds: number },
): ModelDirectory {
  const modelEntry = (model: CatalogueModel): ModelEntry => ({
    id: model.id,
    name: model.name,
    description: model.description,
    ownedBy: model.id.slice(0, model.id.indexOf('/')),
    createdSeconds: secondsOf(model.released),
    aliasOf: null,
    capabilities: model.features,
    languages: model.languages,
    price: { perMinuteUsd: model.price.per_minute_usd, minimumSeconds: model.price.minimum_seconds },
    limits: {
      maxUploadBytes: Math.min(limits.maxUploadBytes, model.upstream?.max_upload_bytes ?? Number.POSITIVE_INFINITY),
      maxAudioSeconds: Math.min(limits.maxAudioSeconds, model.upstream?.max_seconds ?? Number.POSITIVE_INFINITY),
    },
    health: health(model),
  });
  const all = (): readonly ModelEntry[] => {
    const { catalogue } = current();
    const entries = catalogue.models.map(modelEntry);
    const aliasEntries = catalogue.aliases.map((alias): ModelEntry => {
      const behind = alias.models.flatMap((id) => entries.find((entry) => entry.id === id) ?? []);
      return {
        id: alias.id,
        name: alias.name,
        description: alias.description,
        ownedBy: 'fluxscribe',
        createdSeconds: secondsOf(alias.released),
        aliasOf: alias.models,
        // An alias can do what any model behind it can.
        capabilities: [...new Set(behind.flatMap((entry) => entry.capabilities))],
        languages: [...new Set(behind.flatMap((entry) => entry.languages))],
        price: { perMinuteUsd: alias.price.per_minute_usd, minimumSeconds: alias.price.minimum_seconds },
        limits,
        health: behind.find((entry) => entry.health === 'ready')?.health ?? behind[0]?.health ?? 'unavailable',
      };
    });
    return [...aliasEntries, ...entries];
  };
  return {
    list: () => all().filter((entry) => entry.aliasOf !== null || entry.health !== 'not-installed'),
    find(id) {
      const entries = all();
      const known = entryNamed(id, entries);
      if (known) return known;
      const unpinned = unpinnedName(id);
      const entry = unpinned === null ? null : entryNamed(unpinned, entries);
      const hasSnapshots = (model: CatalogueModel) => model.id === entry?.id && model.upstream?.snapshots === true;
      return current().catalogue.models.some(hasSnapshots) ? entry : null;
    },
  };
}

/** By the same rule as routing (policy.ts): a bare name means the provider that is ready. */
function entryNamed(id: string, entries: readonly ModelEntry[]): ModelEntry | null {
  const bare = entries.filter((entry) => entry.id.endsWith(`/${id}`));
  return (
    entries.find((entry) => entry.id === id) ??
    bare.find((entry) => entry.health !== 'not-installed') ??
    bare[0] ??
    null
  );
}

function secondsOf(day: string | undefined): number {
  return day === undefined ? 0 : Date.parse(`${day}T00:00:00Z`) / 1000;
}
