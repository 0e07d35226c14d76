import { join } from 'node:path';
import { artifactsOf, type Catalogue, type CatalogueArtifact, type CatalogueModel } from './catalogue/catalogue.ts';
import type { InstalledCatalogue } from './compose-models.ts';
import { cardOf } from './compose-models.ts';
import { GatewayError } from './core/errors.ts';
import type { EngineModels } from './engine/engine.ts';
import type { ModelLoader, WorkerModel } from './engine/protocol.ts';
import type { LocalModel } from './providers/local/local-provider.ts';
import type { AligningModel } from './providers/local/text-aligner.ts';

const recogniserLoaders: readonly string[] = [
  'moonshine',
  'whisper',
  'sherpa-sense-voice',
  'sherpa-nemo-transducer',
  'sherpa-zipformer-streaming',
] satisfies readonly ModelLoader[];

function isRecogniserLoader(loader: string): loader is ModelLoader {
  return recogniserLoaders.includes(loader);
}

/**
 * What the engine is given to run: every installed recogniser and every pair whose two models are installed. The models
 * behind the default name are kept warm; others are loaded when somebody asks for them. Throws GatewayError
 * `no_model_installed` when nothing could run.
 */
export function engineModelsOf(current: InstalledCatalogue, storeDir: string, defaultModel: string): EngineModels {
  const { catalogue, installed } = current;
  const vad = catalogue.artifacts.find((artifact) => artifact.kind === 'vad' && installed.has(artifact.id));
  const models = catalogue.artifacts.flatMap(({ id, loader }): WorkerModel[] =>
    isRecogniserLoader(loader) && installed.has(id) ? [{ id, loader, folder: join(storeDir, id) }] : [],
  );
  if (!vad || models.length === 0) {
    const missing = catalogue.artifacts.filter((artifact) => artifact.default && !installed.has(artifact.id));
    throw new GatewayError(
      'no_model_installed',
      `The embedded engine has no model in ${storeDir}. ` +
        `Install it with: fluxscribe models pull ${missing.map((one) => one.id).join(' ')}`,
    );
  }
  const duos = catalogue.models.flatMap((model) =>
    model.duo && isInstalled(model, installed) ? [{ id: engineIdOf(model), ...model.duo }] : [],
  );
  return { vadPath: join(storeDir, vad.id, fileNameOf(vad)), models, duos, warm: warmOf(current, defaultModel) };
}

/** The local models of the catalogue, each with the name that the engine has for it. */
export function localModelsOf(catalogue: Catalogue): LocalModel[] {
  return catalogue.models
    .filter((model) => artifactsOf(model).length > 0)
    .map((model) => ({ card: cardOf(model), engineId: engineIdOf(model) }));
}

/** Loaders of models that show where in the sound they were when they wrote a word. */
const aligningLoaders: readonly string[] = ['moonshine', 'whisper'] satisfies readonly ModelLoader[];

/** The installed models that can follow a text of somebody else's, in the order of the catalogue. */
export function aligningModelsOf({ catalogue, installed }: InstalledCatalogue): AligningModel[] {
  const ids = new Set(
    catalogue.artifacts
      .filter((one) => aligningLoaders.includes(one.loader) && installed.has(one.id))
      .map(({ id }) => id),
  );
  return catalogue.models.flatMap(({ artifact, languages }) =>
    artifact !== undefined && ids.has(artifact) ? [{ engineId: artifact, languages }] : [],
  );
}

function engineIdOf(model: CatalogueModel): string {
  return model.artifact ?? model.id;
}

function isInstalled(model: CatalogueModel, installed: ReadonlySet<string>): boolean {
  const needed = artifactsOf(model);
  return needed.length > 0 && needed.every((id) => installed.has(id));
}

function warmOf({ catalogue, installed }: InstalledCatalogue, defaultModel: string): readonly string[] {
  const names = catalogue.aliases.find((alias) => alias.id === defaultModel)?.models ?? [defaultModel];
  const model = names
    .flatMap((name) => catalogue.models.find((one) => one.id === name) ?? [])
    .find((one) => isInstalled(one, installed));
  return model ? artifactsOf(model) : [];
}

function fileNameOf(artifact: CatalogueArtifact): string {
  const [first] = artifact.files;
  if (!first) throw new RangeError(`the artifact '${artifact.id}' has no file`);
  return first.name;
}
