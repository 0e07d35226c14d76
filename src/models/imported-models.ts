import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ArtifactLoader, CatalogueArtifact } from '../catalogue/catalogue.ts';
import { hasCode } from './byte-source.ts';
import { lookAt, writeWhole } from './file-record.ts';

/** Name of the file that makes a folder of the store an imported model. */
export const manifestName = 'model.json';

/** Loaders of what can be imported: the recognisers'. */
const importLoaders = [
  'moonshine',
  'whisper',
  'sherpa-sense-voice',
  'sherpa-nemo-transducer',
  'sherpa-zipformer-streaming',
] as const satisfies readonly ArtifactLoader[];

export type ImportLoader = (typeof importLoaders)[number];

/** Names of imported models: those of folders, and of models as callers write them after `local/`. */
export const importedName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const manifestSchema = z.object({
  format: z.literal(1),
  name: z.string().regex(importedName),
  loader: z.enum(importLoaders),
  /** Codes of src/core/language.ts. */
  languages: z.array(z.string()).min(1),
  multilingual: z.boolean(),
  /** Whether it can translate to English. */
  translate: z.boolean(),
  importedAt: z.iso.datetime(),
  files: z.array(z.object({ name: z.string(), sizeBytes: z.number().int().positive(), sha256: z.string() })).min(1),
});

/** What a person imported, as its folder says it. */
export type ImportManifest = z.infer<typeof manifestSchema>;

/** A model that somebody imported and that lies complete in the store. */
export interface ImportedModel {
  /** Name of its folder in the store; callers ask for `local/<id>`. */
  readonly id: string;
  readonly loader: ImportLoader;
  readonly languages: readonly string[];
  /** Absolute. */
  readonly folder: string;
  readonly translate: boolean;
  /** With the sums of its files, so that it is checked like every other. */
  readonly artifact: CatalogueArtifact;
}

/** The imported models of a store whose files are all there, by name. Quick: no file is read but their manifests. */
export async function importedModels(dir: string): Promise<ImportedModel[]> {
  const models: ImportedModel[] = [];
  for (const { folder, manifest } of await readManifests(dir)) {
    const sizes = await Promise.all(manifest.files.map((file) => lookAt(join(folder, file.name))));
    if (!manifest.files.every((file, index) => sizes[index]?.sizeBytes === file.sizeBytes)) continue;
    const { name: id, loader, languages, translate } = manifest;
    models.push({ id, loader, languages, folder, translate, artifact: artifactOf(manifest) });
  }
  return models;
}

export async function writeManifest(folder: string, manifest: ImportManifest): Promise<void> {
  await writeWhole(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function readManifests(dir: string): Promise<{ folder: string; manifest: ImportManifest }[]> {
  const names = await readdir(dir).catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT')) return [];
    throw thrown;
  });
  const found: { folder: string; manifest: ImportManifest }[] = [];
  for (const name of names.filter((one) => importedName.test(one)).sort()) {
    const folder = join(dir, name);
    const manifest = await readManifest(folder);
    // A folder that somebody renamed is the model of its new name no less than a copy would be: neither is taken.
    if (manifest?.name === name) found.push({ folder, manifest });
  }
  return found;
}

/** null: no imported model, or a manifest that makes no sense. */
async function readManifest(folder: string): Promise<ImportManifest | null> {
  let text: string;
  try {
    text = await readFile(join(folder, manifestName), 'utf8');
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR')) return null;
    throw thrown;
  }
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof z.ZodError) return null;
    throw thrown;
  }
}

function artifactOf({ name, loader, files }: ImportManifest): CatalogueArtifact {
  return {
    id: name,
    kind: 'recogniser',
    loader,
    default: false,
    licence: 'as its owner says',
    homepage: 'about:blank',
    files: files.map((file) => ({ name: file.name, size_bytes: file.sizeBytes, sha256: file.sha256, sources: [] })),
    builds: [],
  };
}
