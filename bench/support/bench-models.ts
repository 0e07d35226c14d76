import { artifactsOf } from '../../src/catalogue/catalogue.ts';
import { loadCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { engineModelsOf, localModelsOf } from '../../src/compose-engine.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import type { EngineModels } from '../../src/engine/engine.ts';
import { createModelStore } from '../../src/models/model-store.ts';
import { readNpmSettings } from '../../src/models/npm-settings.ts';

/** A model or alias that can be run here, and what the engine needs for it and nothing more. */
export interface InstalledName {
  /** An alias with the model that answers for it, or a model's own name. */
  readonly name: string;
  readonly engineId: string;
  readonly models: EngineModels;
  readonly languages: readonly string[];
}

/** What is installed in the model store, models before aliases; only the names that are asked for, when some are. */
export async function installedNames(asked: readonly string[] | null): Promise<readonly InstalledName[]> {
  const config = loadConfig({ env: process.env, workingDir: process.cwd() });
  const catalogue = loadCatalogue(config.catalogueFile);
  const store = createModelStore({
    dir: config.modelsDir,
    mirror: config.modelMirror,
    artifacts: catalogue.artifacts,
    log: silentLog,
    npmSettings: () => readNpmSettings(process.env, process.cwd()),
  });
  for (const artifact of catalogue.artifacts) if (artifact.default) await store.ensure(artifact.id);
  const installed = new Set<string>();
  for (const { id } of catalogue.artifacts) if (await store.isInstalled(id)) installed.add(id);
  const runnable = catalogue.models.filter(
    (model) => artifactsOf(model).length > 0 && artifactsOf(model).every((id) => installed.has(id)),
  );
  const byName = [
    ...runnable.filter((model) => !model.duo).map((model) => ({ name: model.id, model })),
    ...catalogue.aliases.flatMap((alias) => {
      const model = alias.models.flatMap((id) => runnable.find((one) => one.id === id) ?? [])[0];
      return model ? [{ name: alias.id, model }] : [];
    }),
  ];
  return byName
    .filter(({ name }) => asked === null || asked.includes(name))
    .flatMap(({ name, model }) => {
      const [local] = localModelsOf({ ...catalogue, models: [model] });
      if (!local) return [];
      const needed = new Set([...artifactsOf(model), 'silero-vad']);
      const models = engineModelsOf(
        { catalogue: { ...catalogue, models: [model], aliases: [] }, installed: needed },
        store.dir,
        model.id,
      );
      return [{ name, engineId: local.engineId, models, languages: model.languages }];
    });
}
