import type { CatalogueArtifact, CatalogueModel, CatalogueSource } from '../catalogue/catalogue.ts';
import { CatalogueError } from '../catalogue/load-catalogue.ts';
import { composeModels, type ModelShelf } from '../compose.ts';
import type { Config } from '../config/load-config.ts';
import { silentLog } from '../core/log.ts';
import { ModelFetchError } from '../models/fetch-error.ts';
import { labelOf } from '../models/place-fetcher.ts';
import { exitCode } from './exit-code.ts';
import { fetchModels } from './fetch-models.ts';
import { UsageError } from './usage-error.ts';

const print = (text: string) => process.stdout.write(`${text}\n`);

/** `models list`: one line a model. */
export async function listModels(config: Config, options: { readonly json?: boolean }): Promise<number> {
  const shelf = openShelf(config);
  const rows = await Promise.all(
    shelf.catalogue.models.map(async (model) => ({
      id: model.id,
      name: model.name,
      state: await stateOf(shelf, model),
      sizeBytes: sizeOf(artifactOf(shelf, model)),
      languages: model.languages.length > 3 ? `${model.languages.length} languages` : model.languages.join(', '),
    })),
  );
  if (options.json) {
    print(JSON.stringify(rows, null, 2));
    return exitCode.ok;
  }
  const wide = Math.max(...rows.map((row) => row.id.length));
  for (const row of rows) {
    print(`${row.id.padEnd(wide)}  ${row.state.padEnd(13)}  ${megabytes(row.sizeBytes).padStart(7)}  ${row.languages}`);
  }
  return exitCode.ok;
}

/** `models pull`: makes models installed, with the helpers that the engine needs for every one. */
export async function pullModels(config: Config, names: readonly string[]): Promise<number> {
  const shelf = openShelf(config);
  const wanted = names.map((name) => artifactNamed(shelf, name));
  const helpers = shelf.catalogue.artifacts.filter((one) => one.default && one.kind !== 'recogniser');
  const artifacts = wanted.length > 0 ? [...helpers, ...wanted] : shelf.defaultArtifacts;
  try {
    await fetchModels(shelf, [...new Set(artifacts.map((one) => one.id))]);
  } catch (thrown) {
    if (!(thrown instanceof ModelFetchError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    return exitCode.failed;
  }
  print(`Installed: ${artifacts.map((one) => one.id).join(', ')}`);
  return exitCode.ok;
}

/** `models info`: one model in full, every byte of its files read. */
export async function showModel(config: Config, name: string): Promise<number> {
  const shelf = openShelf(config);
  const model = modelNamed(shelf, name);
  const artifact = model ? artifactOf(shelf, model) : artifactNamed(shelf, name);
  if (model) {
    print(`${model.id}  ${model.name}`);
    if (model.description) print(model.description);
    print(`Languages  ${model.languages.join(', ')}`);
    print(`Can do     ${model.features.join(', ')}`);
    print(`Price      $${model.price.per_minute_usd} a minute, at least ${model.price.minimum_seconds} s`);
    print(`State      ${await stateOf(shelf, model)}`);
  }
  if (!artifact) return exitCode.ok;
  const faulty = await shelf.store.verify(artifact.id);
  print(`Artifact   ${artifact.id}, licence ${artifact.licence}, ${artifact.homepage}`);
  for (const file of artifact.files) {
    print(`File       ${shelf.store.path(artifact.id, file.name)}`);
    print(
      `           ${faulty.includes(file.name) ? 'missing or damaged' : 'whole'}, ${megabytes(file.size_bytes ?? 0)}`,
    );
    print(`           sha256 ${file.sha256}`);
    for (const source of file.sources) print(`           from ${describe(source)}`);
  }
  return exitCode.ok;
}

function openShelf(config: Config): ModelShelf {
  try {
    return composeModels({ config, log: silentLog });
  } catch (thrown) {
    if (thrown instanceof CatalogueError) throw new UsageError(thrown.message);
    throw thrown;
  }
}

function modelNamed({ catalogue }: ModelShelf, name: string): CatalogueModel | null {
  return catalogue.models.find((model) => model.id === name || model.id === `local/${name}`) ?? null;
}

/** By model id, bare name or artifact id. Throws UsageError for what cannot be installed. */
function artifactNamed(shelf: ModelShelf, name: string): CatalogueArtifact {
  const model = modelNamed(shelf, name);
  const artifact = model ? artifactOf(shelf, model) : shelf.catalogue.artifacts.find((one) => one.id === name);
  if (!artifact) throw new UsageError(`There is no model '${name}'. fluxscribe models list shows what there is.`);
  return artifact;
}

function artifactOf({ catalogue }: ModelShelf, model: CatalogueModel): CatalogueArtifact | null {
  return catalogue.artifacts.find((one) => one.id === model.artifact) ?? null;
}

async function stateOf(shelf: ModelShelf, model: CatalogueModel): Promise<string> {
  const artifact = artifactOf(shelf, model);
  if (!artifact) return 'upstream';
  return (await shelf.store.isInstalled(artifact.id)) ? 'installed' : 'not installed';
}

function sizeOf(artifact: CatalogueArtifact | null): number {
  return artifact?.files.reduce((sum, file) => sum + (file.size_bytes ?? 0), 0) ?? 0;
}

function describe(source: CatalogueSource): string {
  return source.type === 'url' ? source.url : `${labelOf(source)}, ${source.path}`;
}

function megabytes(bytes: number): string {
  return bytes === 0 ? '' : `${(bytes / 1e6).toFixed(1)} MB`;
}
