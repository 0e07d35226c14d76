import type { Config } from './config/load-config.ts';
import { systemClock } from './core/clock.ts';
import type { Log } from './core/log.ts';
import { defaultHttpLimits, type HttpLimits } from './http/http-limits.ts';
import { createLimiter, type Limiter } from './limits/limiter.ts';
import { createMemoryCounters } from './limits/memory-counters.ts';
import { type LoadSignal, watchLoopDelay } from './limits/overload.ts';

/** What keeps a server from doing more than it may and can. */
export interface ServerLimits {
  readonly limiter: Limiter;
  readonly loadSignals: readonly LoadSignal[];
  close(): Promise<void>;
}

export interface ServerLimitsParts {
  readonly config: Config;
  readonly log: Log;
  /** Recordings in the embedded engine now. */
  readonly recordings: () => number;
  /** Whether all recordings go to the embedded engine: only then does its queue say something about the next one. */
  readonly isEngineAlone: boolean;
}

/** Resolves once Redis is there, where one is named, or when it is clear that it is not. */
export async function openServerLimits({ config, log, ...parts }: ServerLimitsParts): Promise<ServerLimits> {
  const limiter = await openLimiter(config, log);
  const delay = watchLoopDelay();
  const { shedQueueShare, shedLoopDelaySeconds, shedResidentBytes } = config.limits;
  const loadSignals: LoadSignal[] = [
    { name: 'event loop', read: () => delay.meanMs, ceiling: shedLoopDelaySeconds * 1000 },
  ];
  if (parts.isEngineAlone) {
    const ceiling = Math.max(1, Math.floor(config.engine.queueLimit * shedQueueShare));
    loadSignals.push({ name: 'engine queue', read: parts.recordings, ceiling });
  }
  if (shedResidentBytes !== null) {
    loadSignals.push({ name: 'memory', read: () => process.memoryUsage.rss(), ceiling: shedResidentBytes });
  }
  return {
    limiter,
    loadSignals,
    async close() {
      delay.stop();
      await limiter.close();
    },
  };
}

async function openLimiter({ redis: { url, keyPrefix, commandSeconds } }: Config, log: Log): Promise<Limiter> {
  if (url === null) return createLimiter(createMemoryCounters(systemClock));
  // Its client is loaded only where it is used.
  const { openSharedLimiter } = await import('./limits/redis/open-limiter.ts');
  return openSharedLimiter({ url, prefix: keyPrefix, commandTimeoutMs: Math.round(commandSeconds * 1000), log });
}

/** The bounds of the HTTP door. */
export function httpLimits({ limits }: Config): HttpLimits {
  return {
    ...defaultHttpLimits,
    maxUploadBytes: limits.maxUploadBytes,
    maxConcurrentUploads: limits.maxConcurrentUploads,
    uploadIdleTimeoutMs: Math.round(limits.uploadIdleSeconds * 1000),
    uploadTimeoutMs: Math.round(limits.uploadSeconds * 1000),
    memoryUploadBytes: limits.memoryUploadBytes,
    memoryTotalBytes: limits.memoryTotalBytes,
    shedUploadMemoryShare: limits.shedUploadMemoryShare,
    spoolThresholdBytes: limits.spoolThresholdBytes,
    minFreeDiskBytes: limits.minFreeDiskBytes,
  };
}
