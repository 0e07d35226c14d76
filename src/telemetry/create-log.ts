import { pino } from 'pino';
import type { Log } from '../core/log.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `auto`: pretty when standard error is a terminal. */
  readonly format: 'auto' | 'json' | 'pretty';
}

/**
 * Lines are gathered for so long at most: a system call for each would be a good part of what a request costs. pino writes
 * what is left when the process ends, also by an uncaught error; only a SIGKILL takes the last moment with it.
 */
const gatheredMs = 100;
const gatheredBytes = 8 * 1024;

/** The process's log, on standard error: standard output is for what a person asked for. */
export async function createLog({ level, format }: LogOptions): Promise<Log> {
  const options = {
    level,
    base: null,
    // Several fields carry failures; each is shown with its type, stack and causes.
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err, cause: pino.stdSerializers.err },
  };
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  if (!isPretty) {
    const log: Log = pino(
      options,
      pino.destination({ fd: 2, sync: false, minLength: gatheredBytes, periodicFlush: gatheredMs }),
    );
    return log;
  }
  const { default: pretty } = await import('pino-pretty');
  const log: Log = pino(options, pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l' }));
  return log;
}
