import type { Catalogue, CatalogueModel } from './catalogue/catalogue.ts';
import { cardOf } from './compose-models.ts';
import type { Config } from './config/load-config.ts';
import { unpinnedName } from './core/pinned-name.ts';
import { createGuardedFetch, type GuardedFetch } from './net/guarded-fetch.ts';
import type { ModelCard, Provider } from './providers/contract.ts';
import {
  createOpenAiCompatibleProvider,
  type OpenAiCompatibleModel,
} from './providers/openai-compatible/openai-compatible-provider.ts';
import { featuresOf, type Profile, traitsOf } from './providers/openai-compatible/profile.ts';
import { findProfile } from './providers/openai-compatible/profiles.ts';

/** The upstream services that the settings switch on. */
export interface Upstreams {
  /** By id. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** Ends all connections to them. */
  close(): Promise<void>;
}

type Settings = Config['providers'];
type ProviderSettings = Settings[number];

/** `catalogue` is asked at every call: an operator's file and imported models may have changed it since. */
export function createUpstreams(settings: Settings, catalogue: () => Catalogue): Upstreams {
  const http = createGuardedFetch({ trustedOrigins: settings.flatMap(originsOf) });
  const providers = settings.flatMap((one) => createProvider(one, catalogue, http) ?? []);
  return {
    providers: new Map(providers.map((provider) => [provider.id, provider])),
    async close() {
      await Promise.all(providers.map((provider) => provider.close()));
      await http.close();
    },
  };
}

/** The catalogue with the models that the settings name for their providers; these win where names are the same. */
export function withConfiguredModels(catalogue: Catalogue, settings: Settings): Catalogue {
  const configured = settings.flatMap((provider) => provider.models.map((model) => entryOf(provider, model)));
  if (configured.length === 0) return catalogue;
  const ids = new Set(configured.map((one) => one.id));
  return { ...catalogue, models: [...catalogue.models.filter((one) => !ids.has(one.id)), ...configured] };
}

function entryOf(provider: ProviderSettings, model: ProviderSettings['models'][number]): CatalogueModel {
  const { name, like, languages, perMinuteUsd } = model;
  const profile = profileOf(provider);
  const upstream = { provider: provider.id, name, snapshots: false, ...(like !== undefined && { like }) };
  return {
    id: `${provider.id}/${model.id ?? lastPart(name)}`,
    name,
    description: `Served by ${provider.id}.`,
    features: profile
      ? featuresOf(traitsOf(profile, like ?? name)).filter((one) => one !== 'language')
      : ['transcribe'],
    languages: [...languages],
    price: { per_minute_usd: perMinuteUsd, minimum_seconds: 0 },
    upstream,
  };
}

/** `Systran/faster-whisper-small` → `faster-whisper-small`; other characters than a model's name has become dashes. */
function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).replaceAll(/[^A-Za-z0-9._-]/g, '-');
}

function createProvider(settings: ProviderSettings, catalogue: () => Catalogue, http: GuardedFetch): Provider | null {
  const { id, apiKey, apiVersion } = settings;
  const profile = profileOf(settings);
  const baseUrl = settings.baseUrl ?? profile?.baseUrl;
  if (!profile || !baseUrl) return null;
  const served = () => catalogue().models.filter((model) => model.upstream?.provider === id);
  return createOpenAiCompatibleProvider({
    id,
    profile,
    baseUrl,
    apiKey,
    ...(apiVersion !== null && { query: `api-version=${apiVersion}` }),
    models: () => served().map(cardOf),
    findModel: (modelId) => findModel(served(), modelId, profile),
    http,
  });
}

/** A name that is pinned to a day is the model's own with the day at the end, here and over there. */
function findModel(served: readonly CatalogueModel[], modelId: string, profile: Profile): OpenAiCompatibleModel | null {
  const exact = served.find((model) => model.id === modelId);
  const unpinned = exact ? null : unpinnedName(modelId);
  const model = exact ?? served.find((one) => one.id === unpinned && one.upstream?.snapshots);
  if (!model?.upstream) return null;
  const { name, like } = model.upstream;
  const card: ModelCard = { ...cardOf(model), id: modelId };
  return { card, name: name + modelId.slice(model.id.length), traits: traitsOf(profile, like ?? name) };
}

/** Azure's addresses before v1 want a dated version; naming one is how an operator asks for them. */
function profileOf({ kind, apiVersion }: ProviderSettings): Profile | null {
  return findProfile(kind === 'azure' && apiVersion !== null && /^\d/.test(apiVersion) ? 'azure-classic' : kind);
}

function originsOf(settings: ProviderSettings): string[] {
  const profile = profileOf(settings);
  return [settings.baseUrl, profile?.baseUrl, ...(profile?.hosts.values() ?? [])].flatMap((address) => address ?? []);
}
