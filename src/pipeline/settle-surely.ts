import { setTimeout as sleep } from 'node:timers/promises';
import { toGatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Receipt, Settlement } from '../metering/ledger.ts';
import type { RequestRecord } from '../metering/usage-store.ts';

/** A hold and what it takes to end it. */
export interface KeptHold {
  /** When it ends by itself, in milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  readonly settle: (settlement: Settlement) => Promise<Receipt>;
  readonly giveBackAll: (record: RequestRecord) => Promise<Receipt>;
  readonly log: Log;
  readonly requestId: string;
}

/** The caller waits for these tries … */
const pausesMs = [100, 500];
/** … and has the answer when they have failed; the charge is tried on at this pace until its hold expires. */
const laterPauseMs = 5_000;
/** Charges that are tried on at one time; beyond it they are given up, which is logged with what was lost. */
const maxLater = 10_000;
let later = 0;

/**
 * Settles a hold for work that is done. Where the database is away the caller gets the answer all the same, and the
 * charge is tried again until the hold expires: a charge is never taken for a request that failed, and one may be lost to
 * the operator when the database stays away longer than that. Resolves with null then. Repeating is safe: a hold is
 * settled once.
 */
export async function settleSurely(kept: KeptHold, settlement: Settlement): Promise<Receipt | null> {
  const { settle, log, requestId } = kept;
  for (const pauseMs of [...pausesMs, null]) {
    try {
      return await settle(settlement);
    } catch (thrown) {
      if (toGatewayError(thrown).code !== 'service_unavailable') throw thrown;
      if (pauseMs !== null) await sleep(pauseMs);
    }
  }
  log.error({ requestId }, 'a charge cannot be written now; it is tried again until its hold expires');
  void settleLater(kept, settlement);
  return null;
}

async function settleLater({ settle, expiresAtMs, log, requestId }: KeptHold, settlement: Settlement): Promise<void> {
  if (later >= maxLater) {
    log.error({ requestId, costNanos: String(settlement.costNanos) }, 'a charge was lost: too many wait');
    return;
  }
  later++;
  try {
    while (Date.now() < expiresAtMs) {
      // Unheld: a process that is told to stop does not wait for a database that is away.
      await sleep(laterPauseMs, null, { ref: false });
      try {
        await settle(settlement);
        log.info({ requestId }, 'a charge was written late');
        return;
      } catch (thrown) {
        if (toGatewayError(thrown).code !== 'service_unavailable') throw thrown;
      }
    }
    log.error({ requestId, costNanos: String(settlement.costNanos) }, 'a charge was lost: the database stayed away');
  } catch (thrown) {
    log.error({ err: thrown, requestId }, 'a charge was lost');
  } finally {
    later--;
  }
}
