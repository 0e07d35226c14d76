import { GatewayError } from '../core/errors.ts';

/** Puts what arrives together into one statement. */
export interface Batcher<Item, Result> {
  /**
   * Resolves with this item's result once its batch is committed; rejects with what the batch was refused with, or with
   * GatewayError `service_unavailable` when too many wait.
   */
  add(item: Item): Promise<Result>;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

export interface BatcherOptions<Item, Result> {
  /** Carries out all of them and answers in the same order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly maxItems: number;
  /** Batches at one time. */
  readonly concurrency: number;
  /** Items that may wait; beyond it new ones are refused. */
  readonly maxWaiting: number;
  /**
   * While several are under way, a batch waits at most this long, in milliseconds, for as many as there were when the
   * last one ended; left out: not at all.
   */
  readonly gatherMs?: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * An item that is alone never waits for company: it runs at once when nothing does, and what arrives meanwhile goes
 * together next. So one request pays one statement and a crowd pays one for all, commit and wait for the disk included.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { run, maxItems, concurrency, maxWaiting, gatherMs = 0 } = options;
  let waiting: Waiting<Item, Result>[] = [];
  let running = 0;
  let scheduled = false;
  let company = 0;
  let gathering: NodeJS.Timeout | null = null;
  let idlers: (() => void)[] = [];

  const next = () => {
    scheduled = false;
    const { length } = waiting;
    if (gatherMs > 0 && running < concurrency && length > 0 && length < Math.min(company, maxItems)) {
      gathering ??= setTimeout(start, gatherMs);
      return;
    }
    start();
  };
  const start = () => {
    if (gathering) clearTimeout(gathering);
    gathering = null;
    while (running < concurrency && waiting.length > 0) {
      const batch = waiting.slice(0, maxItems);
      waiting = waiting.slice(maxItems);
      running++;
      void carryOut(batch);
    }
    if (running === 0) {
      for (const resolve of idlers) resolve();
      idlers = [];
    }
  };
  const carryOut = async (batch: readonly Waiting<Item, Result>[]) => {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, one] of batch.entries()) one.resolve(results[index]!);
    } catch (thrown) {
      for (const one of batch) one.reject(thrown);
    } finally {
      running--;
      company = batch.length + waiting.length;
      next();
    }
  };

  return {
    add(item) {
      if (waiting.length >= maxWaiting) {
        return Promise.reject(
          new GatewayError('service_unavailable', 'The database cannot keep up. Try again soon.', {
            retryAfterSeconds: 1,
          }),
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        // After this turn of the event loop: requests that arrived in one turn share a batch.
        if (!scheduled && running < concurrency) {
          scheduled = true;
          setImmediate(next);
        }
      });
    },
    idle() {
      if (running === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => idlers.push(resolve));
    },
  };
}
