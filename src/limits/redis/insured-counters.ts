import type { Clock } from '../../core/clock.ts';
import type { Counters, CountersAsk, Verdict } from '../counters.ts';

export interface InsuredCountersOptions {
  readonly shared: Counters;
  /** Counts while `shared` cannot: each process by itself, so that a deployment of three lets through up to three times. */
  readonly insurance: Counters;
  readonly clock: Clock;
  /** Whether `shared` may be asked at all; where its connection is down that is known without a wait. */
  readonly isReachable: () => boolean;
  /** Told once when `shared` fails, and once when it answers again. */
  readonly onChange: (isShared: boolean, thrown: unknown) => void;
}

/** After a failure `shared` is left alone for this long: each asking of one that hangs costs a request its timeout. */
const restMs = 2_000;

/** Limits that go on where what is shared goes away. Places are given back where they were taken. */
export function createInsuredCounters(options: InsuredCountersOptions): Counters {
  const { shared, insurance, clock, isReachable, onChange } = options;
  let isShared = true;
  let restUntilMs = 0;

  function failed(thrown: unknown): void {
    restUntilMs = clock.nowMs() + restMs;
    if (!isShared) return;
    isShared = false;
    onChange(false, thrown);
  }

  async function takeShared(ask: CountersAsk): Promise<Verdict> {
    let verdict: Verdict;
    try {
      verdict = await shared.take(ask);
    } catch (thrown) {
      failed(thrown);
      return await insurance.take(ask);
    }
    if (!isShared) {
      isShared = true;
      onChange(true, null);
    }
    return verdict;
  }

  return {
    take(ask) {
      if (!isReachable()) {
        failed(null);
        return insurance.take(ask);
      }
      if (!isShared && clock.nowMs() < restUntilMs) return insurance.take(ask);
      return takeShared(ask);
    },
    async close() {
      await Promise.all([shared.close(), insurance.close()]);
    },
  };
}
