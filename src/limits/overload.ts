import { monitorEventLoopDelay } from 'node:perf_hooks';
import { GatewayError } from '../core/errors.ts';
import { type Log, silentLog } from '../core/log.ts';

/** Something that can be too much. */
export interface LoadSignal {
  /** Constant words for the log and the metrics. */
  readonly name: string;
  /** Asked with every request: a number that is known already. */
  readonly read: () => number;
  /** From here on requests are refused. */
  readonly ceiling: number;
}

/**
 * Refuses work before it is begun. Who is refused at the door costs nothing and comes again; who is refused after the
 * upload has cost all that it took, and a server that takes everybody in serves nobody in time.
 */
export interface Overload {
  /** null: there is room. Otherwise GatewayError `service_unavailable` with `Retry-After`. */
  check(): GatewayError | null;
}

/** Long enough for a queue to move on, short enough that nobody gives up. */
const retryAfterSeconds = 2;

/** The log says which signal it is when refusing begins, and when it is over. */
export function createOverload(signals: readonly LoadSignal[], log: Log = silentLog): Overload {
  let isRefusing = false;
  return {
    check() {
      const tooHigh = signals.find(({ read, ceiling }) => read() >= ceiling);
      if (!tooHigh) {
        if (isRefusing) log.info({}, 'uploads are taken again');
        isRefusing = false;
        return null;
      }
      if (!isRefusing) log.warn({ because: tooHigh.name }, 'uploads are refused: there is too much to do');
      isRefusing = true;
      return new GatewayError('service_unavailable', 'The server has more to do than it can at this moment.', {
        retryAfterSeconds,
        // It is no provider's fault, and nobody was asked.
        transient: true,
      });
    },
  };
}

export interface LoopDelay {
  /** By how much this process was late on average, in milliseconds, in the best of the last three seconds. */
  readonly meanMs: number;
  stop(): void;
}

const sampleEveryMs = 1_000;
/** One stall, such as the loading of a program on a busy machine, holds up a second or two; too much work goes on. */
const samples = 3;
/** How finely delays are measured; the timer behind it fires as often. */
const resolutionMs = 20;

/** Watches how late the process is with everything: work that comes faster than it goes shows here first. */
export function watchLoopDelay(everyMs = sampleEveryMs): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let recentMs: readonly number[] = [];
  const timer = setInterval(() => {
    // The histogram has the time between two ticks, of which one resolution is as it should be. No tick at all: no number.
    const ticksMs = Number.isFinite(histogram.mean) ? histogram.mean / 1e6 : 0;
    recentMs = [...recentMs.slice(1 - samples), Math.max(0, ticksMs - resolutionMs)];
    histogram.reset();
  }, everyMs);
  timer.unref();
  return {
    get meanMs() {
      return recentMs.length < samples ? 0 : Math.min(...recentMs);
    },
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
