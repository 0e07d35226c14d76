import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { EngineJob, EngineResults, FromWorker, WorkerSetup } from '../protocol.ts';
import { EngineProcess } from './engine-process.ts';
import { FairQueue } from './fair-queue.ts';

export interface EnginePoolOptions {
  readonly setup: WorkerSetup;
  /** Child processes; one job at a time in each. */
  readonly workers: number;
  /** A process whose resident memory is above this after a job, its models not counted, is replaced. */
  readonly recycleResidentBytes: number;
  /** One job may take this long in a process before the process is killed. */
  readonly jobTimeoutMs: number;
  readonly log: Log;
}

export interface EnginePoolStatus {
  readonly workers: number;
  readonly ready: number;
  readonly busy: number;
  readonly queued: number;
  readonly restarts: number;
  readonly pids: readonly number[];
}

interface Task {
  readonly job: EngineJob;
  readonly owner: object;
  readonly signal: AbortSignal;
  readonly resolve: (result: EngineResults[keyof EngineResults]) => void;
  readonly reject: (error: GatewayError) => void;
  /** Processes that were dead before they took it up. */
  misses: number;
}

interface Running {
  readonly id: number;
  readonly task: Task;
  readonly timer: NodeJS.Timeout;
  /** The process has said that it works on it. */
  begun: boolean;
  /** It has its answer already: it took too long. */
  overdue: boolean;
}

interface Slot {
  process: EngineProcess | null;
  ready: boolean;
  task: Running | null;
  /** Failed starts in a row; sets the pause before the next. */
  failures: number;
  restartTimer: NodeJS.Timeout | null;
  /** It was started with a setup that holds no more: it ends after its job. */
  stale: boolean;
}

const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 10_000;
/** After as many failed starts in a row the models are taken to be unusable and readiness says so. */
const HOPELESS_FAILURES = 5;

/**
 * Supervised engine processes. A crash costs the one job that ran there a 503 and the process is started again; a job
 * that was sent to a process already dead goes to another. Memory that grows is given back by replacing the process
 * between two jobs.
 */
export class EnginePool {
  readonly #options: EnginePoolOptions;
  #setup: WorkerSetup;
  readonly #slots: Slot[];
  readonly #queue = new FairQueue<Task>();
  readonly #firstReady = Promise.withResolvers<void>();
  #nextId = 1;
  #restarts = 0;
  #closed = false;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
    this.#setup = options.setup;
    this.#slots = Array.from({ length: options.workers }, () => ({
      process: null,
      ready: false,
      task: null,
      failures: 0,
      restartTimer: null,
      stale: false,
    }));
    // Nobody may be waiting for it when it fails.
    this.#firstReady.promise.catch((error: unknown) => {
      if (!this.#closed) options.log.error({ error: String(error) }, 'engine unusable');
    });
    for (const slot of this.#slots) this.#start(slot);
  }

  /** Resolves when the first process can work; rejects when none can load its models. */
  ready(): Promise<void> {
    return this.#firstReady.promise;
  }

  status(): EnginePoolStatus {
    return {
      workers: this.#slots.length,
      ready: this.#slots.filter((slot) => slot.ready).length,
      busy: this.#slots.filter((slot) => slot.task).length,
      queued: this.#queue.length,
      restarts: this.#restarts,
      pids: this.#slots.flatMap((slot) => slot.process?.pid ?? []),
    };
  }

  /** Runs a job when its owner's turn comes. Rejects with GatewayError; aborting takes it off the queue or stops it. */
  run<Type extends EngineJob['type']>(
    owner: object,
    job: Extract<EngineJob, { type: Type }>,
    signal: AbortSignal,
  ): Promise<EngineResults[Type]> {
    if (this.#closed) return Promise.reject(closing());
    if (signal.aborted) return Promise.reject(aborted());
    const { promise, resolve, reject } = Promise.withResolvers<EngineResults[keyof EngineResults]>();
    const task: Task = { job, owner, signal, resolve, reject, misses: 0 };
    const onAbort = () => this.#abort(task);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#queue.push(owner, task);
    this.#dispatch();
    // The protocol pairs each job type with its result type.
    return (promise as Promise<EngineResults[Type]>).finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** Ends all processes; what is queued or running is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#queue.drain()) task.reject(closing());
    for (const slot of this.#slots) {
      if (slot.restartTimer) clearTimeout(slot.restartTimer);
      slot.process?.kill();
    }
    this.#firstReady.reject(closing());
  }

  /** Other models from now on: idle processes are replaced at once, busy ones after their job. */
  changeSetup(setup: WorkerSetup): void {
    this.#setup = setup;
    for (const slot of this.#slots) {
      if (slot.task) slot.stale = true;
      else this.#replace(slot);
    }
  }

  #replace(slot: Slot): void {
    slot.ready = false;
    slot.process?.kill();
  }

  #start(slot: Slot): void {
    slot.restartTimer = null;
    slot.stale = false;
    const process = new EngineProcess(this.#setup, {
      onReady: () => {
        slot.ready = true;
        this.#firstReady.resolve();
        this.#dispatch();
      },
      onSetupFailed: (message) => {
        this.#options.log.error({ reason: message }, 'engine process could not load its models');
        process.kill();
      },
      onMessage: (message) => this.#finish(slot, message),
      onExit: (reason) => this.#ended(slot, reason),
    });
    slot.process = process;
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (!slot.ready || slot.task || !slot.process) continue;
      const task = this.#queue.shift();
      if (!task) return;
      const id = this.#nextId++;
      const timer = setTimeout(() => this.#overdue(slot), this.#options.jobTimeoutMs);
      slot.task = { id, task, timer, begun: false, overdue: false };
      slot.process.start(id, task.job);
    }
  }

  #finish(slot: Slot, message: Extract<FromWorker, { id: number }>): void {
    const current = slot.task;
    if (current?.id !== message.id) return;
    if (message.type === 'begun') {
      current.begun = true;
      return;
    }
    clearTimeout(current.timer);
    slot.task = null;
    slot.failures = 0;
    if (message.type === 'done') {
      current.task.resolve(message.result);
      if (message.growthBytes > this.#options.recycleResidentBytes) {
        this.#options.log.info({ growthBytes: message.growthBytes }, 'engine process replaced: memory grew');
        this.#replace(slot);
      } else if (slot.stale) {
        this.#replace(slot);
      }
    } else {
      current.task.reject(new GatewayError(message.code, message.message));
    }
    this.#dispatch();
  }

  #abort(task: Task): void {
    if (!this.#queue.remove(task.owner, task)) {
      const slot = this.#slots.find((one) => one.task?.task === task);
      // The process stops at its next token; until then the slot stays taken, so that work is never counted twice.
      if (slot?.task) slot.process?.cancel(slot.task.id);
    }
    task.reject(aborted());
  }

  #overdue(slot: Slot): void {
    if (!slot.task) return;
    slot.task.overdue = true;
    slot.task.task.reject(new GatewayError('timeout', 'The engine did not finish a window of this recording in time.'));
    slot.process?.kill();
  }

  /** A job that its process cannot have died of, as it never took it up. */
  #mayGoElsewhere({ begun, overdue, task }: Running): boolean {
    return !begun && !overdue && !task.signal.aborted && !this.#closed && ++task.misses <= this.#slots.length;
  }

  #ended(slot: Slot, reason: string): void {
    const current = slot.task;
    const wasReady = slot.ready || current !== null;
    slot.process = null;
    slot.ready = false;
    slot.task = null;
    if (current) {
      clearTimeout(current.timer);
      if (this.#mayGoElsewhere(current)) this.#queue.putBack(current.task.owner, current.task);
      else current.task.reject(crashed());
    }
    if (this.#closed) return;
    this.#restarts++;
    slot.failures = wasReady && !current?.begun ? 0 : slot.failures + 1;
    if (slot.failures >= HOPELESS_FAILURES && this.#slots.every((one) => !one.ready)) {
      const hopeless = new GatewayError('service_unavailable', 'The engine cannot load its models; see the log.');
      this.#firstReady.reject(hopeless);
      for (const task of this.#queue.drain()) task.reject(hopeless);
    }
    const pauseMs = Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** Math.max(0, slot.failures - 1));
    this.#options.log.warn({ reason, pauseMs }, 'engine process ended; starting another');
    slot.restartTimer = setTimeout(() => this.#start(slot), pauseMs);
    this.#dispatch();
  }
}

function crashed(): GatewayError {
  return new GatewayError('engine_crashed', 'The engine process died while it worked on this request. Try again.', {
    retryAfterSeconds: 1,
  });
}

function aborted(): GatewayError {
  return new GatewayError('client_closed_request', 'The request was cancelled.');
}

function closing(): GatewayError {
  return new GatewayError('service_unavailable', 'The server is shutting down.', { retryAfterSeconds: 5 });
}
