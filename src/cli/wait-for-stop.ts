import type { Log } from '../core/log.ts';

export interface StopRequest {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** Resolves then. */
  readonly stopped: Promise<void>;
}

/**
 * One key press arrives twice under npm: from the terminal, and from npm, which passes it on. Signals this close together
 * are one wish to stop; a later one is impatience.
 */
const samePressMs = 1000;

/** Turns the first SIGTERM or SIGINT into a wish to stop; a second one ends the process at once. */
export function waitForStop(log: Log): StopRequest {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let firstAt: number | null = null;
  const onSignal = (name: NodeJS.Signals) => {
    if (firstAt !== null && performance.now() - firstAt < samePressMs) return;
    if (firstAt !== null) {
      log.warn({ signal: name }, 'told to stop again: ending at once');
      // 128 + the signal's number, as shells expect of a process that a signal ended.
      process.exit(name === 'SIGINT' ? 130 : 143);
    }
    firstAt = performance.now();
    controller.abort(new Error('the process was told to stop'));
    resolve();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { signal: controller.signal, stopped: promise };
}
