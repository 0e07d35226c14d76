import type { Catalogue, CatalogueArtifact } from './catalogue/catalogue.ts';
import { loadCatalogue } from './catalogue/load-catalogue.ts';
import type { InstalledCatalogue } from './compose-models.ts';
import { configuredModels, withConfiguredModels } from './compose-providers.ts';
import type { Config } from './config/load-config.ts';
import type { Log } from './core/log.ts';
import { withImportedModels } from './models/imported-catalogue.ts';
import { createModelStore, type ModelStore } from './models/model-store.ts';
import { readNpmSettings } from './models/npm-settings.ts';

export interface ComposeParts {
  readonly config: Config;
  readonly log: Log;
}

/** The catalogue and the model files: all that the `models` commands need. */
export interface ModelShelf {
  readonly catalogue: Catalogue;
  readonly store: ModelStore;
  /** What a plain start fetches: the default model and its helpers. */
  readonly defaultArtifacts: readonly CatalogueArtifact[];
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
