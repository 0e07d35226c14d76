import { createAudioOpener } from './audio/opener.ts';
import { artifactsOf } from './catalogue/catalogue.ts';
import { builtInCatalogueFile, CatalogueError } from './catalogue/load-catalogue.ts';
import { aligningModelsOf, engineModelsOf, localModelsOf } from './compose-engine.ts';
import {
  accurateRouteProblem,
  createMarket,
  type InstalledCatalogue,
  type MarketSurroundings,
  type ModelHealth,
  pricesOf,
  vendorPricesOf,
} from './compose-models.ts';
import { createPieces } from './compose-pieces.ts';
import { createUpstreams, type Upstreams } from './compose-providers.ts';
import { createRouting, type Routing } from './compose-routing.ts';
import { type ComposeParts, type ModelShelf, readShelf } from './compose-shelf.ts';
import type { Config } from './config/load-config.ts';
import { noTracing } from './core/tracing.ts';
import { createEngine, type Engine, type EngineModels } from './engine/engine.ts';
import type { Ledger } from './metering/ledger.ts';
import { createPriceBook, type PriceBook } from './metering/price-book.ts';
import { createCompleteTranscript } from './pipeline/complete-transcript.ts';
import { createExplainRoute, type ExplainRoute } from './pipeline/explain-route.ts';
import type { AccountKeysOf } from './pipeline/own-keys.ts';
import { createQualityGate } from './pipeline/quality/quality-gate.ts';
import { createTranscribeFile, type TranscribeFile } from './pipeline/transcribe-file.ts';
import { createLocalProvider } from './providers/local/local-provider.ts';
import { createSpeechFinder } from './providers/local/speech-finder.ts';
import { createTextAligner } from './providers/local/text-aligner.ts';
import { catalogueOrderPolicy } from './routing/policy.ts';
import type { ExportedTracing } from './telemetry/traces.ts';
import { packageVersion } from './version.ts';

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
