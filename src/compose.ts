import { mkdir } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { Accounts } from './compose-accounts.ts';
import { httpLimits, openServerLimits, type ServerLimits } from './compose-limits.ts';
import { createModelDirectory } from './compose-model-directory.ts';
import { createOwnKeyRing, type OwnKeyRing } from './compose-own-keys.ts';
import { tempDirOf } from './compose-pieces.ts';
import { type ComposeParts, composeModels, type ModelShelf } from './compose-shelf.ts';
import { composeTranscriber, type Transcriber } from './compose-transcriber.ts';
import type { ModelStore } from './models/model-store.ts';
import { createRefusals } from './pipeline/refusals.ts';
import { packageVersion } from './version.ts';

/** The whole server, not yet listening. */
export interface Gateway extends Transcriber {
  readonly app: FastifyInstance;
  readonly store: ModelStore;
  readonly accounts: Accounts;
  /** Lets requests in progress finish for at most this long, then ends them, then closes everything. */
  drain(graceMs: number): Promise<void>;
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
