import type { Catalogue, CatalogueModel } from './catalogue/catalogue.ts';
import { cardOf } from './compose-models.ts';
import type { Config } from './config/load-config.ts';
import { unpinnedName } from './core/pinned-name.ts';
import { createGuardedFetch, type GuardedFetch } from './net/guarded-fetch.ts';
import { createOutboundSockets, type OutboundSockets } from './net/outbound-socket.ts';
import { createAssemblyAiProvider } from './providers/assemblyai/assemblyai-provider.ts';
import { assemblyAiBaseUrl } from './providers/assemblyai/models.ts';
import type { ModelCard, Provider } from './providers/contract.ts';
import { createDeepgramProvider } from './providers/deepgram/deepgram-provider.ts';
import { deepgramBaseUrl } from './providers/deepgram/models.ts';
import { createElevenLabsProvider } from './providers/elevenlabs/elevenlabs-provider.ts';
import { elevenLabsBaseUrl } from './providers/elevenlabs/models.ts';
import { createOpenAiCompatibleProvider } from './providers/openai-compatible/openai-compatible-provider.ts';
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
  const sockets = createOutboundSockets();
  const providers = new Map<string, Provider>();
  for (const one of settings) {
    const served = () => catalogue().models.filter((model) => model.upstream?.provider === one.id);
    const provider = createProvider(one, { served, http, sockets });
    if (provider) providers.set(one.id, provider);
  }
  return {
    providers,
    async close() {
      await Promise.all([...providers.values()].map((provider) => provider.close()));
      await Promise.all([http.close(), sockets.close()]);
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

/** Vendors with an adapter of their own, and where they are. */
const ownAddresses: Readonly<Partial<Record<ProviderSettings['kind'], string>>> = {
  deepgram: deepgramBaseUrl,
  assemblyai: assemblyAiBaseUrl,
  elevenlabs: elevenLabsBaseUrl,
};

interface Surroundings {
  /** The models of the catalogue that this provider serves. */
  readonly served: () => readonly CatalogueModel[];
  readonly http: GuardedFetch;
  readonly sockets: OutboundSockets;
}

function createProvider(settings: ProviderSettings, { served, http, sockets }: Surroundings): Provider | null {
  const { id, kind, apiKey, apiVersion } = settings;
  const models = () => served().map(cardOf);
  const ownAddress = ownAddresses[kind];
  if (ownAddress !== undefined) {
    // These have accounts only: without a key there is nothing to ask.
    if (apiKey === null) return null;
    const findModel = (modelId: string) => findServed(served(), modelId);
    const options = { apiKey, baseUrl: settings.baseUrl ?? ownAddress, findModel, models, http };
    if (kind === 'deepgram') return createDeepgramProvider({ ...options, sockets });
    if (kind === 'assemblyai') return createAssemblyAiProvider(options);
    if (kind === 'elevenlabs') return createElevenLabsProvider(options);
  }
  const profile = profileOf(settings);
  const baseUrl = settings.baseUrl ?? profile?.baseUrl;
  if (!profile || !baseUrl) return null;
  return createOpenAiCompatibleProvider({
    id,
    profile,
    baseUrl,
    apiKey,
    ...(apiVersion !== null && { query: `api-version=${apiVersion}` }),
    models,
    findModel(modelId) {
      const model = findServed(served(), modelId);
      return model && { ...model, traits: traitsOf(profile, model.like ?? model.name) };
    },
    http,
  });
}

interface ServedModel {
  readonly card: ModelCard;
  /** As the provider writes it. */
  readonly name: string;
  readonly like: string | null;
}

/** A name that is pinned to a day is the model's own with the day at the end, here and over there. */
function findServed(served: readonly CatalogueModel[], modelId: string): ServedModel | null {
  const exact = served.find((model) => model.id === modelId);
  const unpinned = exact ? null : unpinnedName(modelId);
  const model = exact ?? served.find((one) => one.id === unpinned && one.upstream?.snapshots);
  if (!model?.upstream) return null;
  const { name, like = null } = model.upstream;
  return { card: { ...cardOf(model), id: modelId }, name: name + modelId.slice(model.id.length), like };
}

/** Azure's addresses before v1 want a dated version; naming one is how an operator asks for them. */
function profileOf({ kind, apiVersion }: ProviderSettings): Profile | null {
  return findProfile(kind === 'azure' && apiVersion !== null && /^\d/.test(apiVersion) ? 'azure-classic' : kind);
}

function originsOf(settings: ProviderSettings): string[] {
  const profile = profileOf(settings);
  const own = ownAddresses[settings.kind] ?? profile?.baseUrl;
  return [settings.baseUrl, own, ...(profile?.hosts.values() ?? [])].flatMap((address) => address ?? []);
}
