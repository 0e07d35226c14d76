import { Redis } from 'ioredis';
import type { Log } from '../../core/log.ts';

export interface RedisOptions {
  /** `redis://` or, over TLS, `rediss://`; with user and password where there are any. Never logged. */
  readonly url: string;
  /** A command without an answer after this long has failed. */
  readonly commandTimeoutMs: number;
  readonly log: Log;
}

/** Longest wait between two tries to connect: a Redis that was restarted is found again soon. */
const maxReconnectWaitMs = 2_000;
const connectTimeoutMs = 5_000;

/**
 * A connection that never holds a request up: while it is down commands fail at once, and it comes back by itself for as
 * long as it is not closed. Does not wait for the first connection.
 */
export function openRedis({ url, commandTimeoutMs, log }: RedisOptions): Redis {
  const redis = new Redis(url, {
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    // A connection that says nothing for so long is a dead one, whatever the kernel still hopes for.
    socketTimeout: 2 * commandTimeoutMs,
    enableOfflineQueue: false,
    // What was sent when the connection broke may have been done: nothing is sent twice.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (tries) => Math.min(100 * 2 ** Math.min(tries, 10), maxReconnectWaitMs),
  });
  let isToldOf = false;
  redis.on('ready', () => {
    isToldOf = false;
  });
  redis.on('error', (error: NodeJS.ErrnoException) => {
    if (isToldOf) return;
    isToldOf = true;
    // By its code alone: a message could quote the address.
    log.warn({ code: error.code ?? error.name }, 'Redis cannot be reached');
  });
  return redis;
}
