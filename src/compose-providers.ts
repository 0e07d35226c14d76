import type { Catalogue, CatalogueModel } from './catalogue/catalogue.ts';
import { cardOf } from './compose-models.ts';
import type { Config } from './config/load-config.ts';
import { providerSchema } from './config/provider-settings.ts';
import { toGatewayError } from './core/errors.ts';
import { type Log, silentLog } from './core/log.ts';
import { unpinnedName } from './core/pinned-name.ts';
import { createGuardedFetch, type GuardedFetch } from './net/guarded-fetch.ts';
import { createOutboundSockets, type OutboundSockets } from './net/outbound-socket.ts';
import { createAiSdkProvider } from './providers/ai-sdk/ai-sdk-provider.ts';
import { loadPackage } from './providers/ai-sdk/load-package.ts';
import { defaultBridgeUploadBytes } from './providers/ai-sdk/models.ts';
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
  /** All boxes of those that have several, by id; the one in `providers` is the first. */
  readonly boxes: ReadonlyMap<string, readonly Provider[]>;
  /** False where it is switched on but cannot work: its package is missing or of no use. */
  isUsable(id: string): boolean;
  /**
   * The provider of this id as it is with another key, whether the operator has switched it on or not. Without an address
   * of its own the key goes where the operator's goes; an address beside the key must be on the public internet. null:
   * there is no such provider, or nobody knows its address. Whoever made it closes it.
   */
  withKey(id: string, own: OwnKey): Provider | null;
  /** Ends all connections to them. */
  close(): Promise<void>;
}

/** A key that is not the operator's. */
export interface OwnKey {
  readonly apiKey: string;
  /** null: the provider's usual address. */
  readonly baseUrl: string | null;
}

type Settings = Config['providers'];
type ProviderSettings = Settings[number];

export interface UpstreamSurroundings {
  /** From which packages of the operator's are looked for. */
  readonly workingDir: string;
  readonly log: Log;
}

/** `catalogue` is asked at every call: an operator's file and imported models may have changed it since. */
export function createUpstreams(
  settings: Settings,
  catalogue: () => Catalogue,
  { workingDir, log }: UpstreamSurroundings = { workingDir: process.cwd(), log: silentLog },
): Upstreams {
  const http = createGuardedFetch({ trustedOrigins: settings.flatMap(originsOf) });
  const sockets = createOutboundSockets();
  // Made when an account first brings an address of its own.
  let strangers: Pick<Surroundings, 'http' | 'sockets'> | null = null;
  const providers = new Map<string, Provider>();
  const boxes = new Map<string, readonly Provider[]>();
  const unusable = new Set<string>();
  for (const one of settings) {
    const served = servedBy(one.id, catalogue);
    const onUnusable = (why: string) => {
      unusable.add(one.id);
      log.warn({ provider: one.id }, why);
    };
    const surroundings = { served, http, sockets, workingDir, onUnusable };
    const all = [one.baseUrl, ...one.baseUrls].flatMap(
      (address) => createProvider({ ...one, baseUrl: address }, surroundings) ?? [],
    );
    const [first] = all;
    if (first) providers.set(one.id, first);
    if (all.length > 1) boxes.set(one.id, all);
  }
  return {
    providers,
    boxes,
    withKey(id, { apiKey, baseUrl }) {
      const known = settings.find((one) => one.id === id) ?? vendorOf(id);
      if (!known) return null;
      if (baseUrl !== null) {
        strangers ??= {
          http: createGuardedFetch({ trustedOrigins: [] }),
          sockets: createOutboundSockets({ publicOnly: true }),
        };
      }
      const ways = baseUrl !== null && strangers ? strangers : { http, sockets };
      const surroundings = { ...ways, served: servedBy(id, catalogue), workingDir, onUnusable: () => {} };
      return createProvider({ ...known, apiKey, baseUrl: baseUrl ?? known.baseUrl, baseUrls: [] }, surroundings);
    },
    isUsable: (id) => providers.has(id) && !unusable.has(id),
    async close() {
      const all = new Set([...providers.values(), ...[...boxes.values()].flat()]);
      await Promise.all([...all].map((provider) => provider.close()));
      await Promise.all(
        [http, sockets, ...(strangers ? [strangers.http, strangers.sockets] : [])].map((one) => one.close()),
      );
    },
  };
}

/** The catalogue with the models that the settings name for their providers; these win where names are the same. */
export function withConfiguredModels(catalogue: Catalogue, settings: Settings): Catalogue {
  const configured = configuredModels(settings);
  if (configured.length === 0) return catalogue;
  const ids = new Set(configured.map((one) => one.id));
  return { ...catalogue, models: [...catalogue.models.filter((one) => !ids.has(one.id)), ...configured] };
}

/** The models that the settings name for their providers. */
export function configuredModels(settings: Settings): readonly CatalogueModel[] {
  return settings.flatMap((provider) => provider.models.map((model) => entryOf(provider, model)));
}

function entryOf(provider: ProviderSettings, model: ProviderSettings['models'][number]): CatalogueModel {
  const { name, like, languages, perMinuteUsd, maxSeconds, maxParallel } = model;
  const maxUploadBytes = model.maxUploadBytes ?? (provider.kind === 'ai-sdk' ? defaultBridgeUploadBytes : undefined);
  const profile = profileOf(provider);
  const upstream = {
    provider: provider.id,
    name,
    snapshots: false,
    // whisper.cpp's server has one place at its counter.
    max_parallel: maxParallel ?? (provider.kind === 'whisper.cpp' ? 1 : 4),
    ...(maxUploadBytes !== undefined && { max_upload_bytes: maxUploadBytes }),
    ...(maxSeconds !== undefined && { max_seconds: maxSeconds }),
    ...(like !== undefined && { like }),
  };
  return {
    id: `${provider.id}/${model.id ?? lastPart(name)}`,
    name,
    description: `Served by ${provider.id}.`,
    features: profile
      ? featuresOf(traitsOf(profile, like ?? name)).filter((one) => one !== 'language')
      : ['transcribe'],
    languages: [...languages],
    price: { per_minute_usd: perMinuteUsd, minimum_seconds: 0 },
    fallbacks: [],
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
  readonly workingDir: string;
  readonly onUnusable: (why: string) => void;
}

function createProvider(settings: ProviderSettings, surroundings: Surroundings): Provider | null {
  const { id, kind, apiKey, apiVersion } = settings;
  const { served, http, sockets } = surroundings;
  const models = () => served().map(cardOf);
  if (kind === 'ai-sdk') return createBridge(settings, models, surroundings);
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

/** A vendor that the operator has said nothing about; null: there is none of this name. */
function vendorOf(id: string): ProviderSettings | null {
  const parsed = providerSchema.safeParse({ id, kind: id });
  return parsed.success ? parsed.data : null;
}

/** A package of the AI SDK, imported while the server starts. One that cannot be used is reported and stays in the list. */
function createBridge(
  settings: ProviderSettings,
  models: () => readonly ModelCard[],
  { served, http, workingDir, onUnusable }: Surroundings,
): Provider | null {
  const { id, apiKey, baseUrl, package: name, factory = null, options = {} } = settings;
  if (name === undefined) return null;
  // Beside our own modules, too: where fluxscribe is installed for the whole machine, so may its packages be.
  const loaded = loadPackage({ name, factory, folders: [workingDir, import.meta.dirname] });
  loaded.catch((thrown: unknown) => onUnusable(toGatewayError(thrown).message));
  return createAiSdkProvider({
    id,
    factory: loaded,
    apiKey,
    baseUrl,
    providerOptions: options,
    models,
    findModel: (modelId) => findServed(served(), modelId),
    http,
  });
}

/** The models of one provider; the catalogue is the same object until something in it changes. */
function servedBy(providerId: string, catalogue: () => Catalogue): () => readonly CatalogueModel[] {
  let known: { readonly of: Catalogue; readonly models: readonly CatalogueModel[] } | null = null;
  return () => {
    const now = catalogue();
    if (known?.of !== now) {
      known = { of: now, models: now.models.filter((model) => model.upstream?.provider === providerId) };
    }
    return known.models;
  };
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
  return [settings.baseUrl, ...settings.baseUrls, own, ...(profile?.hosts.values() ?? [])].flatMap(
    (address) => address ?? [],
  );
}
