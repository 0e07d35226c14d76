import { bytesOf, type Catalogue, type CatalogueArtifact } from '../catalogue/catalogue.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { labelOfBuild } from './build-artifact.ts';
import { withImportedModels } from './imported-catalogue.ts';
import { reasonToKeep } from './keep-rules.ts';
import type { ModelStore } from './model-store.ts';
import { labelOf } from './place-fetcher.ts';
import { createPullQueue, type PullTask } from './pull-queue.ts';

/** A model or helper whose files are, or can be, on this machine. */
export interface DepotEntry {
  readonly id: string;
  readonly kind: string;
  readonly loader: string;
  readonly state: 'installed' | 'imported' | 'not-installed';
  /** null: not known before it is fetched. */
  readonly sizeBytes: number | null;
  readonly languages: readonly string[];
  /** Names under which callers ask for it. */
  readonly models: readonly string[];
  readonly licence: string;
  readonly homepage: string | null;
  readonly files: readonly {
    readonly name: string;
    readonly sizeBytes: number | null;
    readonly sha256: string | null;
    /** Where the file that is here came from; null: not fetched, or put there by hand. */
    readonly from: string | null;
  }[];
  /** Where it can be had, in the order in which it is tried, for people; a mirror that is set comes before all. */
  readonly sources: readonly string[];
  /** The latest pull since the server started. */
  readonly task: PullTask | null;
}

/** The model store as a server shows and changes it. */
export interface ModelDepot {
  list(): Promise<readonly DepotEntry[]>;
  /** null: there is no such model. */
  find(id: string): Promise<DepotEntry | null>;
  /** Begins to fetch, and answers at once. null: there is no such model. Throws GatewayError `service_unavailable`. */
  pull(id: string): Promise<DepotEntry | null>;
  /** Deletes the files. null: there is no such model. Throws GatewayError `model_in_use` for what has to stay. */
  remove(id: string): Promise<{ readonly removed: boolean; readonly restartNeeded: boolean } | null>;
  close(): Promise<void>;
}

export interface ModelDepotParts {
  readonly store: ModelStore;
  readonly catalogue: Catalogue;
  readonly defaultModel: string;
  /** Makes the running server look at the store again; null: changes show after a restart. */
  readonly onChanged: (() => Promise<void>) | null;
  readonly log: Log;
  /** How long a removal waits for whoever is changing the store. */
  readonly lockPatienceMs?: number;
}

/** A pull holds the store for as long as it takes; a request does not wait for it that long. */
const defaultLockPatienceMs = 5_000;

function lockPatience(patienceMs: number): AbortSignal {
  const patience = new AbortController();
  const busy = new GatewayError('service_unavailable', 'Models are being fetched at this moment.', {
    retryAfterSeconds: 30,
  });
  setTimeout(() => patience.abort(busy), patienceMs).unref();
  return patience.signal;
}

export function createModelDepot(parts: ModelDepotParts): ModelDepot {
  const { store, defaultModel, onChanged, log, lockPatienceMs = defaultLockPatienceMs } = parts;
  const queue = createPullQueue({ store, onInstalled: onChanged, log });

  async function current(): Promise<{ catalogue: Catalogue; imported: ReadonlySet<string> }> {
    const imported = await store.imported();
    return {
      catalogue: withImportedModels(parts.catalogue, imported),
      imported: new Set(imported.map((one) => one.id)),
    };
  }

  async function entryOf(
    artifact: CatalogueArtifact,
    catalogue: Catalogue,
    imported: ReadonlySet<string>,
  ): Promise<DepotEntry> {
    const isInstalled = await store.isInstalled(artifact.id);
    const records = isInstalled ? await store.records(artifact.id) : [];
    const models = catalogue.models.filter((model) => model.artifact === artifact.id);
    const isImported = imported.has(artifact.id);
    return {
      id: artifact.id,
      kind: artifact.kind,
      loader: artifact.loader,
      state: !isInstalled ? 'not-installed' : isImported ? 'imported' : 'installed',
      sizeBytes: bytesOf(artifact),
      languages: [...new Set(models.flatMap((model) => model.languages))],
      models: models.map((model) => model.id),
      licence: artifact.licence,
      homepage: isImported ? null : artifact.homepage,
      files: artifact.files.map((file) => {
        const record = records.find((one) => one.name === file.name);
        return {
          name: file.name,
          sizeBytes: record?.sizeBytes ?? file.size_bytes ?? null,
          sha256: record?.sha256 ?? file.sha256 ?? null,
          from: record?.from ?? null,
        };
      }),
      sources: [
        ...new Set([
          ...artifact.builds.map(labelOfBuild),
          ...artifact.files.flatMap((file) => file.sources.map((source) => labelOf(source))),
        ]),
      ],
      task: queue.taskOf(artifact.id),
    };
  }

  async function find(id: string): Promise<DepotEntry | null> {
    const { catalogue, imported } = await current();
    const artifact = catalogue.artifacts.find((one) => one.id === id);
    return artifact ? entryOf(artifact, catalogue, imported) : null;
  }

  return {
    async list() {
      const { catalogue, imported } = await current();
      return Promise.all(catalogue.artifacts.map((artifact) => entryOf(artifact, catalogue, imported)));
    },
    find,
    async pull(id) {
      const entry = await find(id);
      if (entry === null || entry.state !== 'not-installed') return entry;
      if (!parts.catalogue.artifacts.some((one) => one.id === id)) {
        throw new GatewayError('invalid_value', `'${id}' was imported: nobody but its owner has it.`, { param: 'id' });
      }
      return { ...entry, task: queue.pull(id) };
    },
    async remove(id) {
      const { catalogue } = await current();
      if (!catalogue.artifacts.some((one) => one.id === id)) return null;
      const states = await Promise.all(catalogue.artifacts.map((one) => store.isInstalled(one.id)));
      const installed = new Set(catalogue.artifacts.filter((_, index) => states[index]).map((one) => one.id));
      const reason = reasonToKeep(catalogue, defaultModel, installed, [id]);
      if (reason !== null) throw new GatewayError('model_in_use', reason, { param: 'id' });
      const task = queue.taskOf(id);
      if (task?.state === 'waiting' || task?.state === 'running') {
        throw new GatewayError('model_in_use', `'${id}' is being fetched at this moment.`, { param: 'id' });
      }
      const removed = await store.remove(id, { signal: lockPatience(lockPatienceMs) });
      if (!removed) return { removed, restartNeeded: false };
      if (onChanged === null) return { removed, restartNeeded: true };
      await onChanged();
      return { removed, restartNeeded: false };
    },
    close: () => queue.close(),
  };
}
