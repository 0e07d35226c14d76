import { artifactsOf, type CatalogueArtifact, type CatalogueModel } from '../../catalogue/catalogue.ts';
import { CatalogueError } from '../../catalogue/load-catalogue.ts';
import { composeModels, type ModelShelf } from '../../compose-shelf.ts';
import type { Config } from '../../config/load-config.ts';
import { silentLog } from '../../core/log.ts';
import { withImportedModels } from '../../models/imported-catalogue.ts';
import { UsageError } from '../usage-error.ts';

/** The model shelf with what was imported on it. */
export interface FullShelf extends ModelShelf {
  /** Ids of the imported models. */
  readonly imported: ReadonlySet<string>;
}

/** Throws UsageError for a catalogue that cannot be used. */
export async function openShelf(config: Config): Promise<FullShelf> {
  try {
    const shelf = composeModels({ config, log: silentLog });
    const imported = await shelf.store.imported();
    const catalogue = withImportedModels(shelf.catalogue, imported);
    return { ...shelf, catalogue, imported: new Set(imported.map((one) => one.id)) };
  } catch (thrown) {
    if (thrown instanceof CatalogueError) throw new UsageError(thrown.message);
    throw thrown;
  }
}

/** By id or bare name. */
export function modelNamed({ catalogue }: FullShelf, name: string): CatalogueModel | null {
  return catalogue.models.find((model) => model.id === name || model.id === `local/${name}`) ?? null;
}

/** By model id, bare name or artifact id; of a pair, both. Throws UsageError for what is not there. */
export function artifactsNamed(shelf: FullShelf, name: string): readonly CatalogueArtifact[] {
  const model = modelNamed(shelf, name);
  const ids = model ? artifactsOf(model) : [name];
  const found = shelf.catalogue.artifacts.filter((one) => ids.includes(one.id));
  if (found.length > 0) return found;
  if (model)
    throw new UsageError(`The model '${model.id}' is served elsewhere: there is nothing of it to install here.`);
  throw new UsageError(`There is no model '${name}'. fluxscribe models list shows what there is.`);
}

/** Megabytes for a table; '' when nobody knows. */
export function megabytes(bytes: number | null): string {
  return bytes === null || bytes === 0 ? '' : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
