import type { KeyDirectory } from '../auth/key-directory.ts';
import type { Log } from '../core/log.ts';
import { type IdempotencyStore, renewEveryMs } from '../metering/idempotency-store.ts';
import type { Ledger } from '../metering/ledger.ts';
import type { UsageStore } from '../metering/usage-store.ts';

/** What every replica does beside its requests. All of it may run in several at once. */
export interface Upkeep {
  stop(): Promise<void>;
}

export interface UpkeepParts {
  readonly ledger: Pick<Ledger, 'expire' | 'prune'>;
  readonly usage: Pick<UsageStore, 'prune'>;
  readonly idempotency: Pick<IdempotencyStore, 'renew' | 'prune'>;
  readonly keys: Pick<KeyDirectory, 'pruneTokens'>;
  readonly retentionDays: number;
  readonly log: Log;
}

/** So long money of a dead process stays held beyond its hold's own time. */
const expireEveryMs = 5_000;
const pruneEveryMs = 600_000;
/** Rows of one statement, and statements of one round: what is left over goes in the next. */
const rowsAtOnce = 1_000;
const statementsAtOnce = 100;
const dayMs = 24 * 3600 * 1000;

/** Ends abandoned holds every five seconds, keeps the `Idempotency-Key`s of what is in work and removes what is older than its retention every ten minutes. */
export function startUpkeep({ ledger, usage, idempotency, keys, retentionDays, log }: UpkeepParts): Upkeep {
  let stopped = false;
  const expire = async () => {
    const count = await untilDone(() => ledger.expire(), 1_000);
    if (count > 0) log.info({ count }, 'holds that nobody resolved have ended');
  };
  const prune = async () => {
    const olderThanMs = Date.now() - retentionDays * dayMs;
    await untilDone(() => usage.prune(olderThanMs, rowsAtOnce), rowsAtOnce);
    await untilDone(() => ledger.prune(olderThanMs, rowsAtOnce), rowsAtOnce);
    await untilDone(() => idempotency.prune(), rowsAtOnce);
    await untilDone(() => keys.pruneTokens(), rowsAtOnce);
  };
  const untilDone = async (step: () => Promise<number>, full: number) => {
    let total = 0;
    for (let statement = 0; statement < statementsAtOnce && !stopped; statement++) {
      const count = await step();
      total += count;
      if (count < full) break;
    }
    return total;
  };
  const every = (periodMs: number, work: () => Promise<void>) => {
    let running: Promise<void> | null = null;
    const timer = setInterval(() => {
      running ??= work()
        .catch((error: unknown) => log.warn({ err: error }, 'upkeep of the database failed; it is tried again'))
        .finally(() => {
          running = null;
        });
    }, periodMs);
    timer.unref();
    return async () => {
      clearInterval(timer);
      await running;
    };
  };
  const stops = [
    every(expireEveryMs, expire),
    every(renewEveryMs, () => idempotency.renew()),
    every(pruneEveryMs, prune),
  ];
  return {
    async stop() {
      stopped = true;
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}
