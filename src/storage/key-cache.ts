import type { Caller } from '../auth/key-directory.ts';
import type { KeyChange } from './key-changes.ts';

/** Keys that were used lately, so that a request costs no query. */
export interface KeyCache {
  /** From the cache, or loaded; loads of one hash at one time are one. */
  get(hash: string): Promise<Caller | null>;
  /** Forgets what the change concerns; null: everything. */
  forget(change: KeyChange | null): void;
}

/** Some megabytes at most; beyond it the oldest go. */
const maxEntries = 10_000;

/**
 * `lifetimeMs` bounds how old an answer can be where no change is heard. Unknown keys are not kept: whoever guesses keys
 * never asks twice for the same one.
 */
export function createKeyCache(
  load: (hash: string) => Promise<Caller | null>,
  lifetimeMs: number,
  nowMs: () => number = () => performance.now(),
): KeyCache {
  const entries = new Map<string, { readonly caller: Caller; readonly untilMs: number }>();
  let loading = new Map<string, Promise<Caller | null>>();
  let generation = 0;

  const loadOnce = async (hash: string) => {
    const startedMs = nowMs();
    const startedGeneration = generation;
    const caller = await load(hash);
    // What changed while this was read may be older than the change: the answer is for who asked before it, and not kept.
    if (caller !== null && startedGeneration === generation) {
      const oldest = entries.size >= maxEntries ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(hash, { caller, untilMs: startedMs + lifetimeMs });
    }
    return caller;
  };

  return {
    get(hash) {
      const entry = entries.get(hash);
      if (entry && nowMs() < entry.untilMs) return Promise.resolve(entry.caller);
      entries.delete(hash);
      const running = loading.get(hash);
      if (running) return running;
      const mine = loading;
      const next = loadOnce(hash).finally(() => mine.delete(hash));
      mine.set(hash, next);
      return next;
    },
    forget(change) {
      generation++;
      loading = new Map();
      for (const [hash, { caller }] of entries) if (change === null || concerns(change, caller)) entries.delete(hash);
    },
  };
}

function concerns(change: KeyChange, caller: Caller): boolean {
  if ('key' in change) return caller.keyId === change.key;
  if ('account' in change) return caller.account.id === change.account;
  return caller.plan.id === change.plan;
}
