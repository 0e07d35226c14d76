import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { FetchProgress } from './fetch-parts.ts';
import type { ModelStore } from './model-store.ts';

/** One model's way into the store, as of now. */
export interface PullTask {
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  readonly phase: FetchProgress['phase'];
  /** Where the bytes come from at this moment; null before the first. */
  readonly from: string | null;
  /** Of the transfer or the conversion at hand. */
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  /** Unix time in milliseconds. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** It is installed, and a server that runs does not know it yet. */
  readonly restartNeeded: boolean;
}

export interface PullQueue {
  /** Begins to fetch a model, or shows what is under way for it. Throws GatewayError `service_unavailable` when it is full. */
  pull(artifactId: string): PullTask;
  /** The latest task of a model since the server started; null: none. */
  taskOf(artifactId: string): PullTask | null;
  /** Ends what is under way; parts that came stay for the next time. */
  close(): Promise<void>;
}

export interface PullQueueParts {
  readonly store: Pick<ModelStore, 'ensure'>;
  /** Tells the server what came; left out, or when it rejects: it needs a restart. */
  readonly onInstalled: (() => Promise<void>) | null;
  readonly log: Log;
  /** Models that may wait behind the one that is being fetched. */
  readonly maxWaiting?: number;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

/** More than the whole catalogue: only a caller who makes names up would reach it, and those are refused before. */
const defaultMaxWaiting = 32;

/** Fetches one model at a time: the store's lock would let no second one begin. */
export function createPullQueue(parts: PullQueueParts): PullQueue {
  const { store, log, maxWaiting = defaultMaxWaiting, now = Date.now } = parts;
  const tasks = new Map<string, PullTask>();
  const waiting: string[] = [];
  const stopper = new AbortController();
  let worker: Promise<void> | null = null;

  const change = (id: string, what: Partial<PullTask>) => {
    const task = tasks.get(id);
    if (task) tasks.set(id, { ...task, ...what });
  };

  async function run(id: string): Promise<void> {
    change(id, { state: 'running' });
    try {
      await store.ensure(id, {
        signal: stopper.signal,
        onProgress: ({ phase, from, doneBytes, totalBytes }) => change(id, { phase, from, doneBytes, totalBytes }),
      });
      change(id, { state: 'done', endedAtMs: now(), restartNeeded: !(await tellServer()) });
    } catch (thrown) {
      const { code, message } = toGatewayError(stopper.signal.aborted ? stoppedError() : thrown);
      log.warn({ artifact: id, code }, 'a model could not be fetched');
      change(id, { state: 'failed', endedAtMs: now(), error: { code, message } });
    }
  }

  async function tellServer(): Promise<boolean> {
    if (parts.onInstalled === null) return false;
    try {
      await parts.onInstalled();
      return true;
    } catch (thrown) {
      log.error({ error: thrown }, 'a model was installed, but the engine could not take it in');
      return false;
    }
  }

  async function work(): Promise<void> {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await run(id);
    worker = null;
  }

  return {
    pull(artifactId) {
      const known = tasks.get(artifactId);
      if (known?.state === 'waiting' || known?.state === 'running') return known;
      if (stopper.signal.aborted) throw stoppedError();
      if (waiting.length >= maxWaiting) {
        throw new GatewayError('service_unavailable', 'Too many models wait to be fetched.', { retryAfterSeconds: 60 });
      }
      const task: PullTask = {
        ...{ state: 'waiting', phase: 'fetch', from: null, doneBytes: 0, totalBytes: null },
        ...{ startedAtMs: now(), endedAtMs: null, error: null, restartNeeded: false },
      };
      tasks.set(artifactId, task);
      waiting.push(artifactId);
      worker ??= work();
      return tasks.get(artifactId) ?? task;
    },
    taskOf: (artifactId) => tasks.get(artifactId) ?? null,
    async close() {
      stopper.abort(stoppedError());
      waiting.length = 0;
      await worker;
    },
  };
}

function stoppedError(): GatewayError {
  return new GatewayError('service_unavailable', 'The server is shutting down.', { retryAfterSeconds: 5 });
}
