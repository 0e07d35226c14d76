import { join } from 'node:path';
import {
  bytesOf,
  type CatalogueArtifact,
  type CatalogueFile,
  type CataloguePlace,
  type CatalogueSource,
} from '../../catalogue/catalogue.ts';
import type { Config } from '../../config/load-config.ts';
import type { FileRecord } from '../../models/file-record.ts';
import { labelOf } from '../../models/place-fetcher.ts';
import { exitCode } from '../exit-code.ts';
import { artifactsNamed, type FullShelf, megabytes, modelNamed, openShelf, print } from './open-shelf.ts';

/** `models info`: one model in full, every byte of its files read. */
export async function showModel(config: Config, name: string): Promise<number> {
  const shelf = await openShelf(config);
  const artifacts = artifactsNamed(shelf, name);
  const named = modelNamed(shelf, name);
  const models = named ? [named] : shelf.catalogue.models.filter((model) => model.artifact === artifacts[0]?.id);
  for (const model of models) {
    print(`${model.id}  ${model.name}`);
    if (model.description) print(model.description);
    print(`Languages  ${model.languages.join(', ')}`);
    print(`Can do     ${model.features.join(', ')}`);
    print(`Price      $${model.price.per_minute_usd} a minute, at least ${model.price.minimum_seconds} s`);
  }
  for (const artifact of artifacts) await showArtifact(shelf, artifact);
  return exitCode.ok;
}

/** `models path`: where a model lies, or the whole store; for scripts. */
export async function showPath(config: Config, name: string | undefined): Promise<number> {
  const shelf = await openShelf(config);
  if (name === undefined) print(shelf.store.dir);
  else for (const artifact of artifactsNamed(shelf, name)) print(join(shelf.store.dir, artifact.id));
  return exitCode.ok;
}

async function showArtifact({ store, imported }: FullShelf, artifact: CatalogueArtifact): Promise<void> {
  const faulty = await store.verify(artifact.id);
  const records = await store.records(artifact.id);
  print(`Artifact   ${artifact.id} (${artifact.kind}, loaded as ${artifact.loader})`);
  print(`State      ${faulty.length > 0 ? 'not installed' : imported.has(artifact.id) ? 'imported' : 'installed'}`);
  print(`Folder     ${join(store.dir, artifact.id)}`);
  print(`Size       ${megabytes(bytesOf(artifact)) || 'not known'}`);
  if (imported.has(artifact.id)) print('Licence    that of whoever made it');
  else print(`Licence    ${artifact.licence}\nHomepage   ${artifact.homepage}`);
  for (const file of artifact.files) {
    print(`File       ${file.name}`);
    const record = records.find((one) => one.name === file.name) ?? null;
    for (const line of linesOf(file, record, faulty.includes(file.name))) print(`           ${line}`);
  }
  for (const build of artifact.builds) {
    print(`Made from  ${build.step === 'ctranslate2-whisper' ? 'a CTranslate2 Whisper folder' : build.step}`);
    for (const input of build.inputs) {
      for (const part of input.parts) print(`           ${input.name} from ${describe(part)}`);
    }
  }
}

function linesOf(file: CatalogueFile, record: FileRecord | null, faulty: boolean): readonly string[] {
  const size = record?.sizeBytes ?? file.size_bytes ?? null;
  const sum = faulty ? file.sha256 : (record?.sha256 ?? file.sha256);
  return [
    [faulty ? 'missing or damaged' : 'whole', megabytes(size)].filter(Boolean).join(', '),
    sum === undefined ? 'sha256 not known before it is fetched; recorded then' : `sha256 ${sum}`,
    ...(record?.from && !faulty ? [`came from ${record.from}`] : []),
    ...file.sources.map((source) => `to be had from ${describe(source)}`),
  ];
}

function describe(place: CataloguePlace | CatalogueSource): string {
  return place.type === 'url' ? place.url : `${labelOf(place)}, ${place.path}`;
}
