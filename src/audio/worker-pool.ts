import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ChildExit, ChildWorkerOptions, KillReason } from './child-worker.ts';
import { ChildWorker } from './child-worker.ts';
import type { FromDecodeWorker, ToDecodeWorker } from './protocol.ts';

export interface WorkerPoolOptions extends ChildWorkerOptions {
  /** Processes that are kept ready. */
  readonly workers: number;
  /** Processes at most: more are started when all are busy, and go when they have been idle. */
  readonly maxWorkers: number;
  readonly idleMs: number;
  /** A lease that has stood still this long gives way when others wait. */
  readonly stallMs: number;
  /** A process that has grown beyond this is replaced between tasks. */
  readonly recycleRssBytes: number;
  readonly log: Log;
}

/** What a lease holder is told. */
export interface LeaseEvents {
  onMessage(message: FromDecodeWorker): void;
  /** The process is gone, and the lease with it. */
  onLost(exit: ChildExit): void;
  /** Others wait while this lease stands still: end the task and release. */
  onEvict?(): void;
}

/** The use of one process for one task. */
export interface Lease {
  readonly task: number;
  send(message: ToDecodeWorker): void;
  /** Milliseconds of processor time that the process has used in all; null where the system does not tell. */
  cpuMs(): number | null;
  /** Says whether the holder waits for the process (false) or the process for the holder (true). */
  stall(isStalled: boolean): void;
  /** Gives the process back. `rssBytes`: what it last said of itself. */
  release(rssBytes: number): void;
  /** Ends the process; `onLost` follows. */
  kill(reason: KillReason): void;
}

interface Waiter {
  readonly events: LeaseEvents;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: GatewayError) => void;
}

interface Slot {
  readonly worker: ChildWorker;
  isReady: boolean;
  holder: Holder | null;
  idleTimer: NodeJS.Timeout | null;
}

interface Holder {
  readonly task: number;
  readonly events: LeaseEvents;
  stalledSince: number | null;
  isEvicted: boolean;
}

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** When so many processes in a row die before they are ready, whoever waits is told, instead of waiting on. */
const MAX_START_FAILURES = 3;
const RELIEF_INTERVAL_MS = 250;

/** Keeps decoding processes, hands each to one task at a time in the order of asking, and replaces those that die. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots = new Set<Slot>();
  readonly #queue = new Set<Waiter>();
  #nextTask = 1;
  #startFailures = 0;
  #crashes = 0;
  #backoffTimer: NodeJS.Timeout | null = null;
  #reliefTimer: NodeJS.Timeout | null = null;
  #closing: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#fill();
  }

  /** Tasks that wait for a process. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Process ids, for metrics and tests. */
  get pids(): readonly number[] {
    return [...this.#slots].flatMap((slot) => slot.worker.pid ?? []);
  }

  /** Waits for a process. Rejects with `service_unavailable` when none can be started, and with the signal's error. */
  acquire(events: LeaseEvents, signal: AbortSignal, aborted: () => GatewayError): Promise<Lease> {
    if (this.#closing) return Promise.reject(unavailable('The gateway is shutting down.'));
    if (signal.aborted) return Promise.reject(aborted());
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#queue.delete(waiter);
        reject(aborted());
      };
      const waiter: Waiter = {
        events,
        resolve: (lease) => {
          signal.removeEventListener('abort', abort);
          resolve(lease);
        },
        reject: (error) => {
          signal.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#queue.add(waiter);
      this.#dispatch();
    });
  }

  /** Kills every process and waits until they are gone. Tasks under way are told that theirs is lost. */
  close(): Promise<void> {
    if (!this.#closing) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#closing = { promise, resolve };
      for (const waiter of this.#queue) waiter.reject(unavailable('The gateway is shutting down.'));
      this.#queue.clear();
      if (this.#backoffTimer) clearTimeout(this.#backoffTimer);
      this.#stopRelief();
      for (const slot of this.#slots) {
        if (slot.idleTimer) clearTimeout(slot.idleTimer);
        slot.worker.hold(true);
        slot.worker.kill('retired');
      }
      if (this.#slots.size === 0) resolve();
    }
    return this.#closing.promise;
  }

  /** Hands idle processes to those who wait, and starts more while there may be more. */
  #dispatch(): void {
    if (this.#closing) return;
    for (const slot of this.#slots) {
      const [waiter] = this.#queue;
      if (!waiter) break;
      if (!slot.isReady || slot.holder) continue;
      this.#queue.delete(waiter);
      waiter.resolve(this.#lease(slot, waiter.events));
    }
    const starting = [...this.#slots].filter((slot) => !slot.isReady).length;
    for (let missing = this.#queue.size - starting; missing > 0 && this.#mayStart(); missing--) this.#start();
    if (this.#queue.size > 0) this.#startRelief();
    else this.#stopRelief();
  }

  #lease(slot: Slot, events: LeaseEvents): Lease {
    const task = this.#nextTask++;
    const holder: Holder = { task, events, stalledSince: null, isEvicted: false };
    slot.holder = holder;
    if (slot.idleTimer) clearTimeout(slot.idleTimer);
    slot.idleTimer = null;
    slot.worker.hold(true);
    return {
      task,
      send: (message) => slot.worker.send(message),
      cpuMs: () => slot.worker.cpuMs,
      stall: (isStalled) => {
        holder.stalledSince = isStalled ? (holder.stalledSince ?? performance.now()) : null;
      },
      release: (rssBytes) => {
        if (slot.holder !== holder) return;
        slot.holder = null;
        slot.worker.hold(false);
        this.#crashes = 0;
        if (rssBytes > this.#options.recycleRssBytes) slot.worker.kill('retired');
        else this.#rest(slot);
        this.#dispatch();
      },
      kill: (reason) => {
        if (slot.holder === holder) slot.worker.kill(reason);
      },
    };
  }

  /** An idle process beyond the usual number goes after a while. */
  #rest(slot: Slot): void {
    if (this.#slots.size <= this.#options.workers) return;
    slot.idleTimer = setTimeout(() => {
      if (!slot.holder && this.#slots.size > this.#options.workers) slot.worker.kill('retired');
    }, this.#options.idleMs);
    slot.idleTimer.unref();
  }

  #mayStart(): boolean {
    return this.#slots.size < this.#options.maxWorkers && this.#backoffTimer === null && !this.#closing;
  }

  #fill(): void {
    while (this.#slots.size < this.#options.workers && this.#mayStart()) this.#start();
    this.#dispatch();
  }

  #start(): void {
    const slot: Slot = {
      worker: new ChildWorker(this.#options, {
        onMessage: (message) => {
          if (message.type === 'ready') {
            slot.isReady = true;
            this.#startFailures = 0;
            this.#dispatch();
          } else if (slot.holder?.task === message.task) {
            slot.holder.events.onMessage(message);
          }
        },
        onExit: (exit) => this.#ended(slot, exit),
      }),
      isReady: false,
      holder: null,
      idleTimer: null,
    };
    this.#slots.add(slot);
  }

  #ended(slot: Slot, exit: ChildExit): void {
    this.#slots.delete(slot);
    if (slot.idleTimer) clearTimeout(slot.idleTimer);
    const { holder } = slot;
    slot.holder = null;
    holder?.events.onLost(exit);
    if (this.#closing) {
      if (this.#slots.size === 0) this.#closing.resolve();
      return;
    }
    if (exit.killedFor === null) {
      const fields = { wasStarting: !slot.isReady, isForeign: exit.isForeign, stderr: exit.stderr };
      this.#options.log.warn(fields, 'a decoding process ended unexpectedly');
    } else if (exit.killedFor !== 'retired') {
      this.#options.log.warn({ reason: exit.killedFor }, 'a decoding process was killed');
    }
    if (!slot.isReady) this.#failStart();
    // One that we killed at work is replaced at once; one that dies by itself, or before it works, may do so again.
    if (exit.killedFor !== null && slot.isReady) this.#fill();
    else this.#fillLater();
  }

  #failStart(): void {
    if (++this.#startFailures < MAX_START_FAILURES) return;
    for (const waiter of this.#queue) waiter.reject(unavailable('The decoding processes do not start.'));
    this.#queue.clear();
  }

  /** The first replacement comes at once; one that dies again waits, twice as long each time. */
  #fillLater(): void {
    const waitMs = this.#crashes === 0 ? 0 : Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (this.#crashes - 1));
    this.#crashes++;
    if (waitMs === 0 || this.#backoffTimer) {
      this.#fill();
      return;
    }
    this.#backoffTimer = setTimeout(() => {
      this.#backoffTimer = null;
      this.#fill();
    }, waitMs);
    // Somebody who waits keeps the program alive by the timer below; nobody else needs the process.
    if (this.#queue.size === 0) this.#backoffTimer.unref();
  }

  #startRelief(): void {
    this.#reliefTimer ??= setInterval(() => this.#relieve(), RELIEF_INTERVAL_MS);
  }

  #stopRelief(): void {
    if (this.#reliefTimer) clearInterval(this.#reliefTimer);
    this.#reliefTimer = null;
  }

  /** While others wait, the lease that has stood still longest gives way. */
  #relieve(): void {
    if (this.#mayStart() || [...this.#slots].some((slot) => !slot.isReady)) return;
    const before = performance.now() - this.#options.stallMs;
    let longest: Holder | null = null;
    for (const { holder } of this.#slots) {
      if (!holder || holder.isEvicted || holder.stalledSince === null || holder.stalledSince > before) continue;
      if (!longest || holder.stalledSince < (longest.stalledSince ?? 0)) longest = holder;
    }
    if (!longest?.events.onEvict) return;
    longest.isEvicted = true;
    longest.events.onEvict();
  }
}

function unavailable(message: string): GatewayError {
  return new GatewayError('service_unavailable', message, { retryAfterSeconds: 1 });
}
