import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { artifactsOf, type Catalogue, catalogueSchema } from './catalogue.ts';

/** The catalogue that ships with fluxscribe; the path holds from `src/` and from `dist/` alike. */
export const builtInCatalogueFile = fileURLToPath(new URL('../../catalogue/catalogue.yaml', import.meta.url));

/** A catalogue file that cannot be used; the message names the file, the entry and what is wrong with it. */
export class CatalogueError extends Error {
  constructor(file: string, problem: string, cause?: unknown) {
    super(`${file}: ${problem}`, cause === undefined ? undefined : { cause });
    this.name = 'CatalogueError';
  }
}

/**
 * Reads our catalogue and lays the operator's over it: an entry of theirs replaces the one of ours with the same id,
 * and new ids come first among their kind, so that they win where order decides. A vendor's name that an alias of theirs
 * stands in for is none of ours any more. `configuredIds` are models that stand in the settings; their file may name them,
 * and models of this machine that are yet to be imported. Throws CatalogueError.
 */
export function loadCatalogue(operatorFile: string | null, configuredIds: readonly string[] = []): Catalogue {
  const ours = readCatalogue(builtInCatalogueFile);
  if (operatorFile === null) return checked(ours, builtInCatalogueFile, () => false);
  const theirs = readCatalogue(operatorFile);
  const claimed = new Set(theirs.aliases.flatMap((alias) => alias.stands_in_for));
  const leftToOurs = ours.aliases.map((alias) => ({
    ...alias,
    stands_in_for: alias.stands_in_for.filter((name) => !claimed.has(name)),
  }));
  return checked(
    {
      models: overlay(ours.models, theirs.models),
      aliases: overlay(leftToOurs, theirs.aliases),
      artifacts: overlay(ours.artifacts, theirs.artifacts),
    },
    operatorFile,
    (id) => configuredIds.includes(id) || id.startsWith('local/'),
  );
}

function readCatalogue(file: string): Catalogue {
  let value: unknown;
  try {
    value = parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new CatalogueError(file, `cannot be read: ${thrown instanceof Error ? thrown.message : thrown}`, thrown);
  }
  const parsed = catalogueSchema.safeParse(value ?? {});
  if (!parsed.success) throw new CatalogueError(file, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

function overlay<Entry extends { readonly id: string }>(ours: readonly Entry[], theirs: readonly Entry[]): Entry[] {
  const replaced = new Map(theirs.map((entry) => [entry.id, entry]));
  const added = theirs.filter((entry) => !ours.some((one) => one.id === entry.id));
  return [...added, ...ours.map((entry) => replaced.get(entry.id) ?? entry)];
}

/** Refuses a catalogue whose entries do not fit each other. */
function checked(catalogue: Catalogue, file: string, isElsewhere: (id: string) => boolean): Catalogue {
  const names = new Set<string>();
  for (const { id } of [...catalogue.models, ...catalogue.aliases]) {
    if (names.has(id)) throw new CatalogueError(file, `the name '${id}' is there twice`);
    names.add(id);
  }
  const artifactIds = new Set<string>();
  for (const { id, files } of catalogue.artifacts) {
    if (artifactIds.has(id)) throw new CatalogueError(file, `the artifact '${id}' is there twice`);
    artifactIds.add(id);
    if (new Set(files.map((one) => one.name)).size !== files.length) {
      throw new CatalogueError(file, `the artifact '${id}' names a file twice`);
    }
  }
  const modelIds = new Set(catalogue.models.map((model) => model.id));
  for (const model of catalogue.models) {
    const needed = artifactsOf(model);
    if (model.id.startsWith('local/') && needed.length === 0) {
      throw new CatalogueError(file, `the model '${model.id}' runs in the embedded engine but names no artifact`);
    }
    if (model.id.startsWith('local/') !== (model.upstream === undefined)) {
      const fault = model.upstream ? 'runs in the embedded engine and cannot name an upstream' : 'names no upstream';
      throw new CatalogueError(file, `the model '${model.id}' ${fault}`);
    }
    const missing = needed.find((id) => !artifactIds.has(id));
    if (missing !== undefined) {
      throw new CatalogueError(file, `the model '${model.id}' names the artifact '${missing}', which is not there`);
    }
  }
  const refuseUnknown = (whose: string, ids: readonly string[], mayBeElsewhere = true) => {
    const missing = ids.find((id) => !modelIds.has(id) && !(mayBeElsewhere && isElsewhere(id)));
    if (missing !== undefined) {
      throw new CatalogueError(file, `${whose} names the model '${missing}', which is not there`);
    }
  };
  for (const { id, fallbacks } of catalogue.models) refuseUnknown(`the chain of '${id}'`, fallbacks);
  const stoodInFor = new Map<string, string>();
  for (const { id, models, stands_in_for, opening } of catalogue.aliases) {
    refuseUnknown(`the alias '${id}'`, models);
    for (const name of stands_in_for) {
      const other = stoodInFor.get(name);
      if (other !== undefined) throw new CatalogueError(file, `'${other}' and '${id}' both stand in for '${name}'`);
      stoodInFor.set(name, id);
    }
    // Of an opening it has to be known that it says how sure it is.
    refuseUnknown(`the opening of '${id}'`, opening?.models ?? [], false);
    const unsure = catalogue.models.find((model) => opening?.models.includes(model.id) && !tellsConfidence(model));
    if (unsure)
      throw new CatalogueError(file, `the opening of '${id}' names '${unsure.id}', which never says how sure it is`);
  }
  return catalogue;
}

/** Word confidence comes out of the same scores as log-probabilities. */
function tellsConfidence({ features }: Catalogue['models'][number]): boolean {
  return features.includes('logprobs');
}
