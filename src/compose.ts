import { mkdir } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { createAudioOpener } from './audio/opener.ts';
import { artifactsOf, type Catalogue, type CatalogueArtifact } from './catalogue/catalogue.ts';
import { builtInCatalogueFile, CatalogueError, loadCatalogue } from './catalogue/load-catalogue.ts';
import type { Accounts } from './compose-accounts.ts';
import { aligningModelsOf, engineModelsOf, localModelsOf } from './compose-engine.ts';
import { httpLimits, openServerLimits, type ServerLimits } from './compose-limits.ts';
import { createModelDirectory } from './compose-model-directory.ts';
import {
  accurateRouteProblem,
  createMarket,
  type InstalledCatalogue,
  type MarketSurroundings,
  type ModelHealth,
  pricesOf,
  vendorPricesOf,
} from './compose-models.ts';
import { createOwnKeyRing, type OwnKeyRing } from './compose-own-keys.ts';
import { createPieces, tempDirOf } from './compose-pieces.ts';
import { configuredModels, createUpstreams, type Upstreams, withConfiguredModels } from './compose-providers.ts';
import { createRouting, type Routing } from './compose-routing.ts';
import type { Config } from './config/load-config.ts';
import type { Log } from './core/log.ts';
import { noTracing } from './core/tracing.ts';
import { createEngine, type Engine, type EngineModels } from './engine/engine.ts';
import type { Ledger } from './metering/ledger.ts';
import { createPriceBook, type PriceBook } from './metering/price-book.ts';
import { withImportedModels } from './models/imported-catalogue.ts';
import { createModelStore, type ModelStore } from './models/model-store.ts';
import { readNpmSettings } from './models/npm-settings.ts';
import { createCompleteTranscript } from './pipeline/complete-transcript.ts';
import { createExplainRoute, type ExplainRoute } from './pipeline/explain-route.ts';
import type { AccountKeysOf } from './pipeline/own-keys.ts';
import { createQualityGate } from './pipeline/quality/quality-gate.ts';
import { createRefusals } from './pipeline/refusals.ts';
import { createTranscribeFile, type TranscribeFile } from './pipeline/transcribe-file.ts';
import { createLocalProvider } from './providers/local/local-provider.ts';
import { createSpeechFinder } from './providers/local/speech-finder.ts';
import { createTextAligner } from './providers/local/text-aligner.ts';
import { catalogueOrderPolicy } from './routing/policy.ts';
import type { ExportedTracing } from './telemetry/traces.ts';
import { packageVersion } from './version.ts';

/** The catalogue and the model files: all that the `models` commands need. */
export interface ModelShelf {
  readonly catalogue: Catalogue;
  readonly store: ModelStore;
  /** What a plain start fetches: the default model and its helpers. */
  readonly defaultArtifacts: readonly CatalogueArtifact[];
}

/** Recordings in, transcripts out, in this process and without a server. */
export interface Transcriber {
  readonly transcribe: TranscribeFile;
  /** The plan of a recording that is not sent anywhere. */
  readonly explainRoute: ExplainRoute;
  /** What routing and callers see beside the catalogue: breakers, and the operator's accurate route. */
  readonly surroundings: MarketSurroundings;
  /** How providers are asked, and what is known of them by that. */
  readonly routing: Routing;
  readonly engine: Engine;
  /** The state of a catalogue model now. */
  readonly health: ModelHealth;
  /** What is known and what is installed now. */
  readonly models: () => InstalledCatalogue;
  /** A provider with another key than the operator's; null: there is none of this id. Whoever made it closes it. */
  readonly withKey: Upstreams['withKey'];
  /** Looks into the model store again: what was installed or removed since is offered or no longer. */
  refreshModels(): Promise<void>;
  close(): Promise<void>;
}

/** The whole server, not yet listening. */
export interface Gateway extends Transcriber {
  readonly app: FastifyInstance;
  readonly store: ModelStore;
  readonly accounts: Accounts;
  /** Lets requests in progress finish for at most this long, then ends them, then closes everything. */
  drain(graceMs: number): Promise<void>;
}

export interface ComposeParts {
  readonly config: Config;
  readonly log: Log;
}

export function composeModels({ config, log }: ComposeParts): ModelShelf {
  const catalogue = loadCatalogue(
    config.catalogueFile,
    configuredModels(config.providers).map((model) => model.id),
  );
  const store = createModelStore({
    dir: config.modelsDir,
    mirror: config.modelMirror,
    artifacts: catalogue.artifacts,
    log,
    // Not settings of ours: npm's own, wherever npm keeps them on this machine.
    npmSettings: () => readNpmSettings(process.env, process.cwd()),
    // Likewise: what pip and uv are set to.
    env: process.env,
  });
  return { catalogue, store, defaultArtifacts: catalogue.artifacts.filter((artifact) => artifact.default) };
}

/**
 * Starts the engine on what is installed. Rejects with GatewayError `no_model_installed` when that cannot work. `ledger`:
 * where requests with a payer are paid for, null until it is open; left out: nobody pays. `accountKeysOf`: the vendor
 * keys of who pays; left out: nobody has any.
 */
export async function composeTranscriber(
  parts: ComposeParts,
  shelf: ModelShelf,
  ledger?: () => Ledger | null,
  accountKeysOf?: AccountKeysOf,
): Promise<Transcriber> {
  const { config, log } = parts;
  let current = await readShelf(parts, shelf);
  checkAccurateRoute(config, current);
  const upstreams = createUpstreams(config.providers, () => current.catalogue, { workingDir: process.cwd(), log });
  const engineModels = () => engineModelsOf(current, shelf.store.dir, config.defaultModel);
  const engine = startEngine(parts, engineModels());
  const audio = createAudioOpener({
    workers: config.audio.workers,
    maxOpenRequests: config.audio.queueLimit,
    maxWorkerRssBytes: config.audio.maxWorkerBytes,
    log,
  });
  const health: ModelHealth = (model) => {
    if (model.upstream) {
      const { provider } = model.upstream;
      if (!upstreams.providers.has(provider)) return 'not-installed';
      return upstreams.isUsable(provider) ? 'ready' : 'unavailable';
    }
    const needed = artifactsOf(model);
    if (needed.length === 0 || needed.some((id) => !current.installed.has(id))) return 'not-installed';
    return engine.status().ready > 0 ? 'ready' : 'unavailable';
  };
  const provider = createLocalProvider(engine, () => localModelsOf(current.catalogue));
  let prices = createPriceBook(pricesOf(current.catalogue));
  let vendorPrices = vendorPricesOf(current.catalogue);
  const tracing = await startTracing(parts);
  const speech = createSpeechFinder(engine);
  const pieces = createPieces(config, speech, log);
  const routing = createRouting({
    config,
    embedded: provider,
    upstreams: upstreams.providers,
    boxes: upstreams.boxes,
    judge: createQualityGate({ speech, log }),
    inPieces: pieces.transcribeInPieces,
    tracing,
  });
  const { requestBaseSeconds, requestSecondsPerAudioSecond, maxAudioSeconds } = config.limits;
  const surroundings: MarketSurroundings = {
    breakerOf: (providerId, modelId) => routing.attempts.stateOf(providerId, modelId),
    accurateRoute: accurateRouteOf(config),
  };
  const market = createMarket(
    () => current,
    health,
    surroundings,
    () => routing.breakers.areAllClosed(),
  );
  const priceBook: PriceBook = { priceOf: (name) => prices.priceOf(name) };
  const transcribe = createTranscribeFile({
    audio,
    audioLimits: { maxDurationMs: Math.round(maxAudioSeconds * 1000) },
    decoders: new Set([provider.id]),
    policy: catalogueOrderPolicy,
    market,
    attempts: routing.attempts,
    complete: createCompleteTranscript({
      aligner: createTextAligner(engine, () => aligningModelsOf(current)),
      speech,
      log,
    }),
    prices: priceBook,
    vendorPriceOf: (modelId) => vendorPrices.get(modelId) ?? null,
    ...(ledger && { ledger }),
    ...(accountKeysOf && { accountKeysOf }),
    log,
    deadlineMs: (durationMs) => Math.round(requestBaseSeconds * 1000 + requestSecondsPerAudioSecond * durationMs),
    tracing,
  });
  return {
    transcribe,
    explainRoute: createExplainRoute({ policy: catalogueOrderPolicy, market, prices: priceBook }),
    surroundings,
    withKey: upstreams.withKey,
    routing,
    engine,
    health,
    models: () => current,
    async refreshModels() {
      current = await readShelf(parts, shelf);
      prices = createPriceBook(pricesOf(current.catalogue));
      vendorPrices = vendorPricesOf(current.catalogue);
      engine.changeModels(engineModels());
    },
    async close() {
      await Promise.all([provider.close(), upstreams.close(), audio.close(), pieces.close()]);
      await tracing.close();
    },
  };
}

/** Spans leave only where a collector is named. */
async function startTracing({ config, log }: ComposeParts): Promise<ExportedTracing> {
  const { endpoint } = config.tracing;
  if (endpoint === null) return { ...noTracing, close: async () => {} };
  const { startTraces } = await import('./telemetry/traces.ts');
  return await startTraces({ endpoint, version: packageVersion, log });
}

/** What the settings say of the accurate route. */
export function accurateRouteOf({ routing: { accurate, keepAboveConfidence } }: Config) {
  return { names: accurate, keepAboveConfidence };
}

/** Throws CatalogueError for names in the settings that lead nowhere. */
export function checkAccurateRoute(config: Config, { catalogue }: InstalledCatalogue): void {
  const problem = accurateRouteProblem(accurateRouteOf(config), catalogue);
  if (problem === null) return;
  throw new CatalogueError(config.catalogueFile ?? builtInCatalogueFile, `the setting routing.accurate: ${problem}`);
}

/** What is in the store now, as routing and the engine see it. */
export async function readShelf(
  { config }: ComposeParts,
  { catalogue: known, store }: ModelShelf,
): Promise<InstalledCatalogue> {
  const catalogue = withConfiguredModels(withImportedModels(known, await store.imported()), config.providers);
  const ids = catalogue.artifacts.map((artifact) => artifact.id);
  const states = await Promise.all(ids.map((id) => store.isInstalled(id)));
  return { catalogue, installed: new Set(ids.filter((_, index) => states[index])) };
}

function startEngine({ config, log }: ComposeParts, models: EngineModels): Engine {
  return createEngine({
    models,
    workers: config.engine.workers,
    threadsPerWorker: config.engine.threadsPerWorker,
    maxRecordings: config.engine.queueLimit,
    recycleResidentBytes: config.engine.recycleMemoryBytes,
    jobTimeoutMs: Math.round(config.engine.jobTimeoutSeconds * 1000),
    log,
  });
}

/** Wires the whole server. The engine's processes load their models while the HTTP app is built. */
export async function compose(parts: ComposeParts, shelf: ModelShelf = composeModels(parts)): Promise<Gateway> {
  const { config, log } = parts;
  let accounts: Accounts | null = null;
  let serverLimits: ServerLimits | null = null;
  let ownKeys: OwnKeyRing | null = null;
  const transcriber = await composeTranscriber(
    parts,
    shelf,
    () => accounts?.ledger ?? null,
    (accountId) => ownKeys?.accountKeysOf(accountId) ?? null,
  );
  try {
    await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
    const tempDir = tempDirOf(config);
    await mkdir(tempDir, { recursive: true, mode: 0o700 });
    // All of it after the engine's processes were started: each takes a good part of a second. The database opens in a
    // thread of its own meanwhile.
    const opening = import('./compose-accounts.ts').then(({ openAccounts }) => openAccounts(parts));
    const [
      { createHttpApp },
      { createAuthenticator },
      { createMetrics },
      { createModelDepot },
      { createAdminParts },
      open,
    ] = await Promise.all([
      import('./http/app.ts'),
      import('./auth/authenticator.ts'),
      import('./telemetry/metrics.ts'),
      import('./models/model-depot.ts'),
      import('./compose-admin.ts'),
      opening,
    ]);
    accounts = open;
    const { engine, health, routing } = transcriber;
    const ring = createOwnKeyRing({
      store: open.providerKeys,
      // One process hears of its own changes; several read them.
      lifetimeMs: open.database.kind === 'embedded' ? 60_000 : 2_000,
      withKey: transcriber.withKey,
      createBreakers: () => routing.createBreakers(),
      isAlone: !config.routing.ownKeyFallback,
      log,
    });
    ownKeys = ring;
    const limits = await openServerLimits({
      config,
      log,
      recordings: () => engine.status().recordings,
      isEngineAlone: config.providers.length === 0,
    });
    serverLimits = limits;
    const metrics = createMetrics({
      engine: () => {
        const { queued, busy, ready } = engine.status();
        return { queued, running: busy, workers: ready };
      },
      breakers: () => routing.breakers.list(),
      processMetrics: true,
    });
    routing.observe(metrics.attempts);
    const modelDepot = createModelDepot({
      store: shelf.store,
      catalogue: shelf.catalogue,
      defaultModel: config.defaultModel,
      onChanged: () => transcriber.refreshModels(),
      log,
    });
    const app = await createHttpApp({
      transcribe: transcriber.transcribe,
      recordRefusal: createRefusals(open.usage),
      replies: { store: open.idempotency },
      explainRoute: transcriber.explainRoute,
      models: createModelDirectory(transcriber.models, health, config.limits, transcriber.surroundings),
      modelDepot,
      auth: createAuthenticator(open.keys),
      limits: httpLimits(config),
      tempDir,
      version: packageVersion,
      log,
      health: () => {
        const checks = { engine: engine.status().ready > 0 ? 'ok' : 'no process is ready', database: open.check() };
        return { ready: Object.values(checks).every((one) => one === 'ok'), checks };
      },
      metrics,
      metricsPublic: config.metrics.public,
      corsOrigins: config.corsOrigins.includes('*') ? '*' : config.corsOrigins,
      defaultModel: config.defaultModel,
      accounts: createAdminParts({
        config,
        accounts: { ...open, providerKeys: ring.store },
        transcriber,
        testProviderKey: ring.test,
      }),
      accountKeysOf: ring.accountKeysOf,
      limiter: limits.limiter,
      loadSignals: limits.loadSignals,
    });
    // A model that the command line installs is offered by the servers that run already.
    const unwatch = shelf.store.watch(() => {
      transcriber.refreshModels().catch((error: unknown) => log.warn({ err: error }, 'the model store cannot be read'));
    });
    const close = async () => {
      unwatch();
      await app.close();
      await modelDepot.close();
      await ring.close();
      await transcriber.close();
      await limits.close();
      // Last: what the others still had to say about money is in it.
      await open.close();
    };
    return {
      ...transcriber,
      app,
      store: shelf.store,
      accounts: open,
      close,
      drain: (graceMs) => drain(app, close, graceMs),
    };
  } catch (thrown) {
    await transcriber.close();
    await serverLimits?.close();
    await accounts?.close();
    throw thrown;
  }
}

/** Stops accepting at once; connections that are still busy after the grace are cut, which stops their work. */
async function drain(app: FastifyInstance, close: () => Promise<void>, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await close();
  } finally {
    clearTimeout(timer);
  }
}
