import { stat } from 'node:fs/promises';
import { createAudioOpener } from './audio/opener.ts';
import { artifactsOf } from './catalogue/catalogue.ts';
import { type ModelHealth, marketOf, pricesOf } from './compose-models.ts';
import { createUpstreams } from './compose-providers.ts';
import { type ComposeParts, type ModelShelf, readShelf } from './compose-shelf.ts';
import { accurateRouteOf, checkAccurateRoute } from './compose-transcriber.ts';
import { createPriceBook } from './metering/price-book.ts';
import { createExplainRoute, type ExplainRoute } from './pipeline/explain-route.ts';
import { catalogueOrderPolicy } from './routing/policy.ts';

export type { ExplainedAttempt, ExplainedPass, RouteExplanation } from './pipeline/explain-route.ts';

/** Plans for recordings without a server and without the engine: no model is loaded and nobody is asked. */
export interface Explainer {
  readonly explainRoute: ExplainRoute;
  /** Length in milliseconds and size in bytes, from the recording's packets. Rejects with GatewayError. */
  measure(path: string): Promise<{ readonly durationMs: number; readonly sizeBytes: number }>;
  close(): Promise<void>;
}

/** Breakers belong to a running server: here all are closed. Throws CatalogueError for settings that lead nowhere. */
export async function composeExplainer(parts: ComposeParts, shelf: ModelShelf): Promise<Explainer> {
  const { config, log } = parts;
  const current = await readShelf(parts, shelf);
  checkAccurateRoute(config, current);
  const upstreams = createUpstreams(config.providers, () => current.catalogue, { workingDir: process.cwd(), log });
  const health: ModelHealth = (model) => {
    const isThere = model.upstream
      ? upstreams.providers.has(model.upstream.provider)
      : artifactsOf(model).every((id) => current.installed.has(id));
    return isThere ? 'ready' : 'not-installed';
  };
  const surroundings = { accurateRoute: accurateRouteOf(config) };
  // Started when the first recording is measured: a plan alone needs no decoder.
  let audio: ReturnType<typeof createAudioOpener> | null = null;
  return {
    explainRoute: createExplainRoute({
      policy: catalogueOrderPolicy,
      market: () => marketOf(current, health, surroundings),
      prices: createPriceBook(pricesOf(current.catalogue)),
    }),
    async measure(path) {
      audio ??= createAudioOpener({
        workers: 1,
        maxOpenRequests: 1,
        maxWorkerRssBytes: config.audio.maxWorkerBytes,
        log,
      });
      const { size: sizeBytes } = await stat(path);
      const limits = { maxDurationMs: Math.round(config.limits.maxAudioSeconds * 1000), willHear: false };
      const { probe } = await audio.open({ path, sizeBytes }, limits, new AbortController().signal);
      return { durationMs: probe.durationMs, sizeBytes };
    },
    async close() {
      await Promise.all([upstreams.close(), audio?.close()]);
    },
  };
}
