import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GatewayError } from '../core/errors.ts';
import { toLanguageCode } from '../core/language.ts';
import { hasCode } from './byte-source.ts';
import { freeBytesOf, spareBytes, wholeMegabytes } from './fetch-parts.ts';
import { filesOfFolder, languagesOfFolder, loaderOf } from './import-folder.ts';
import { type ImportManifest, importedName, writeManifest } from './imported-models.ts';

export interface ImportAsk {
  /** The folder that somebody has; it is only read. */
  readonly folder: string;
  /** What it is called from now on. */
  readonly name: string;
  /** What it speaks, in any spelling; null: as the folder itself says. */
  readonly languages: readonly string[] | null;
  readonly signal: AbortSignal;
  /** From 0 to 1, rising. */
  readonly onProgress?: (fraction: number) => void;
}

/** A name that an imported model may have, out of a folder's. '' when nothing of it is left. */
export function nameFromFolder(folderName: string): string {
  const name = folderName
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return name.slice(0, 64);
}

/**
 * Takes a model folder into the store as `<dir>/<name>`: a CTranslate2 Whisper folder is converted, others are copied.
 * It appears there whole or not at all. To be called under the store's lock. Rejects with GatewayError `invalid_value`
 * (no such folder, no model in it, a bad or a taken name), `unsupported_value`, or `storage_full`.
 */
export async function importModel(dir: string, ask: ImportAsk): Promise<ImportManifest> {
  const { name, signal } = ask;
  if (!importedName.test(name)) {
    throw invalid(
      'name',
      `'${name.slice(0, 80)}' cannot be a model's name: use small letters, digits, dots, dashes and underscores, 64 at most.`,
    );
  }
  const target = join(dir, name);
  if (await exists(target)) {
    throw invalid('name', `There is something called '${name}' in the model folder already. Choose another name.`);
  }
  const workDir = join(dir, '.parts', `import-${name}`);
  await rm(workDir, { recursive: true, force: true });
  await mkdir(workDir, { recursive: true });
  try {
    const manifest = await fill(workDir, ask);
    signal.throwIfAborted();
    await writeManifest(workDir, manifest);
    await rename(workDir, target);
    return manifest;
  } catch (thrown) {
    throw hasCode(thrown, 'ENOSPC')
      ? new GatewayError('storage_full', 'The disk of the model folder is full.')
      : thrown;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function fill(workDir: string, ask: ImportAsk): Promise<ImportManifest> {
  const { folder, name, signal, onProgress } = ask;
  const { describeModelFolder } = await import('./ctranslate2/describe-model-folder.ts');
  const kind = await describeModelFolder(folder);
  if (kind === null) throw await notAModel(folder);
  await requireRoom(workDir, folder);
  const manifest = { format: 1, name, importedAt: new Date().toISOString() } as const;
  const asked = ask.languages === null ? null : codesOf(ask.languages);
  if (kind === 'ctranslate2-whisper') {
    const { importWhisper } = await import('./ctranslate2/import-whisper.ts');
    const made = await importWhisper(folder, workDir, { name, signal, ...(onProgress && { onProgress }) });
    return {
      ...manifest,
      loader: 'whisper',
      languages: asked ?? codesOf(made.languages),
      multilingual: made.multilingual,
      translate: made.multilingual,
      files: made.files.map((file) => ({ name: file.name, sizeBytes: file.sizeBytes, sha256: file.sha256 })),
    };
  }
  const found = await languagesOfFolder(kind, folder);
  const languages = asked ?? found.languages;
  if (languages.length === 0) {
    throw invalid('languages', 'The model does not say what it speaks. Name it: --languages en,de');
  }
  return {
    ...manifest,
    loader: loaderOf(kind),
    languages: [...languages],
    multilingual: languages.length > 1,
    translate: found.translate,
    files: await copyFiles(folder, await filesOfFolder(kind, folder), workDir, ask),
  };
}

async function copyFiles(
  folder: string,
  names: readonly string[],
  target: string,
  { signal, onProgress }: ImportAsk,
): Promise<ImportManifest['files']> {
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0) || 1;
  let doneBytes = 0;
  const files: ImportManifest['files'] = [];
  for (const name of names) {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const count = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        doneBytes += chunk.length;
        onProgress?.(Math.min(1, doneBytes / totalBytes));
        yield chunk;
      }
    };
    await pipeline(createReadStream(join(folder, name)), count, createWriteStream(join(target, name)), { signal });
    if (sizeBytes === 0) throw invalid('folder', `The model's file ${name} is empty.`);
    files.push({ name, sizeBytes, sha256: hash.digest('hex') });
  }
  return files;
}

/** Codes of languages in any spelling; those that nobody could ask for are left out. */
function codesOf(spellings: readonly string[]): string[] {
  return [...new Set(spellings.flatMap((one) => toLanguageCode(one) ?? []))];
}

/** What is converted gets smaller, what is copied stays as it is. */
async function requireRoom(dir: string, folder: string): Promise<void> {
  const entries = await readdir(folder);
  const sizes = await Promise.all(
    entries.map((name) =>
      stat(join(folder, name)).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  const needed = sizes.reduce((sum, size) => sum + size, 0) + spareBytes;
  const free = await freeBytesOf(dir);
  if (free >= needed) return;
  throw new GatewayError(
    'storage_full',
    `The disk of the model folder has ${wholeMegabytes(free)} free, and ${wholeMegabytes(needed)} are needed.`,
  );
}

async function notAModel(folder: string): Promise<GatewayError> {
  const found = await stat(folder).catch(() => null);
  if (!found) return invalid('folder', 'There is no such folder.');
  if (!found.isDirectory()) return invalid('folder', 'That is a file; name the folder that holds the model.');
  return invalid(
    'folder',
    'No model that can be imported is in that folder. It takes: a CTranslate2 Whisper folder (model.bin, config.json, ' +
      'vocabulary.json or vocabulary.txt); a folder of sherpa-onnx with Whisper, SenseVoice, a NeMo transducer or a ' +
      'streaming Zipformer (its .onnx files and tokens.txt); a Moonshine folder (encoder_model.onnx, ' +
      'decoder_model_merged.onnx).',
  );
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_value', message, { param });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return false;
      throw thrown;
    },
  );
}
