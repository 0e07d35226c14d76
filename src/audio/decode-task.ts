import { GatewayError } from '../core/errors.ts';
import type { ChildExit } from './child-worker.ts';
import { audioUnreadable } from './containers/container.ts';
import type { FromDecodeWorker, ToDecodeWorker } from './protocol.ts';
import type { Lease, WorkerPool } from './worker-pool.ts';

export interface TaskLimits {
  /** How long the process may be silent while it is expected to speak. */
  readonly silenceMs: number;
  /** How long it may take to stop when told; then it is killed. */
  readonly cancelGraceMs: number;
}

type Request = (task: number) => ToDecodeWorker;

/**
 * One task in a decoding process, from the wait for a process to its return. Watches the clock while an answer is due,
 * and ends the task, or else the process, when the caller goes away.
 */
export class DecodeTask {
  readonly #limits: TaskLimits;
  readonly #signal: AbortSignal;
  readonly #onMessage: (message: FromDecodeWorker) => void;
  readonly #onEvict: () => void;
  readonly #inbox: FromDecodeWorker[] = [];
  #lease: Lease | null = null;
  #failure: GatewayError | null = null;
  #wake: () => void = () => {};
  #silenceTimer: NodeJS.Timeout | null = null;
  #cpuBefore: number | null = null;
  #isCancelling = false;
  #isOver = false;
  #wasKilledFromOutside = false;

  /** `onMessage` hears each message as it comes, before `next` returns it. */
  constructor(
    limits: TaskLimits,
    signal: AbortSignal,
    onEvict: () => void = () => {},
    onMessage: (message: FromDecodeWorker) => void = () => {},
  ) {
    this.#limits = limits;
    this.#signal = signal;
    this.#onEvict = onEvict;
    this.#onMessage = onMessage;
  }

  /** Its process was ended by the system or an operator, through no fault of the file. */
  get wasKilledFromOutside(): boolean {
    return this.#wasKilledFromOutside;
  }

  /** Waits for a process and sends it the request. */
  async start(pool: WorkerPool, request: Request): Promise<void> {
    const events = {
      onMessage: (message: FromDecodeWorker) => this.#receive(message),
      onLost: (exit: ChildExit) => this.#lose(exit),
      onEvict: () => this.#onEvict(),
    };
    const lease = await pool.acquire(events, this.#signal, () => abortError(this.#signal));
    // Either may have happened between the pool's word and ours.
    if (this.#failure) throw this.#failure;
    if (this.#signal.aborted) {
      lease.release(0);
      throw abortError(this.#signal);
    }
    this.#lease = lease;
    this.#cpuBefore = lease.cpuMs();
    this.#signal.addEventListener('abort', this.#abort, { once: true });
    this.#expectAnswer();
    lease.send(request(lease.task));
  }

  /** The next message, null when the task was cancelled by us; throws what else ended it. */
  async next(): Promise<FromDecodeWorker | null> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message) return message;
      if (this.#failure) throw this.#failure;
      if (this.#isOver) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Lets the process send one chunk more. */
  grant(chunks: number): void {
    const lease = this.#lease;
    if (!lease) return;
    lease.send({ type: 'credit', task: lease.task, chunks });
    this.#expectAnswer();
  }

  /** From now on the process waits for us. */
  rest(): void {
    if (this.#silenceTimer) clearTimeout(this.#silenceTimer);
    this.#silenceTimer = null;
    this.#lease?.stall(true);
  }

  /** Ends the task if it still runs. The process comes back by itself, or is killed. */
  cancel(): void {
    const lease = this.#lease;
    if (!lease || this.#isCancelling) return;
    this.#isCancelling = true;
    lease.stall(false);
    lease.send({ type: 'cancel', task: lease.task });
    this.#setSilenceTimer(this.#limits.cancelGraceMs, () => lease.kill('no-answer'));
  }

  readonly #abort = (): void => {
    this.#failure ??= abortError(this.#signal);
    this.#inbox.length = 0;
    this.#wake();
    this.cancel();
  };

  #receive(message: FromDecodeWorker): void {
    if (message.type === 'ready') return;
    if (message.type !== 'chunk') {
      this.#finish();
      this.#lease?.release(message.rssBytes);
      this.#lease = null;
    } else if (!this.#isCancelling) {
      this.#expectAnswer();
    }
    if (message.type === 'failed')
      this.#failure ??= new GatewayError(message.code, message.message, paramOf(message.code));
    else if (message.type !== 'cancelled' && !this.#isCancelling) this.#inbox.push(message);
    this.#onMessage(message);
    this.#wake();
  }

  #lose(exit: ChildExit): void {
    this.#finish();
    this.#lease = null;
    this.#wasKilledFromOutside = exit.isForeign;
    if (!this.#isCancelling) this.#failure ??= lossError(exit);
    this.#wake();
  }

  #finish(): void {
    this.#isOver = true;
    if (this.#silenceTimer) clearTimeout(this.#silenceTimer);
    this.#silenceTimer = null;
    this.#signal.removeEventListener('abort', this.#abort);
  }

  #expectAnswer(): void {
    const lease = this.#lease;
    if (!lease) return;
    lease.stall(false);
    const { silenceMs } = this.#limits;
    this.#setSilenceTimer(silenceMs, () => {
      // A process that computed all the while is held up by the file; one that could not is held up by the machine.
      const after = lease.cpuMs();
      const isBusy = after === null || this.#cpuBefore === null || after - this.#cpuBefore > silenceMs / 2;
      lease.kill(isBusy ? 'time' : 'starvation');
    });
    this.#cpuBefore = lease.cpuMs();
  }

  #setSilenceTimer(afterMs: number, action: () => void): void {
    if (this.#silenceTimer) clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(action, afterMs);
  }
}

/** Why a caller's signal ended the work: its own GatewayError (a deadline), or the caller hung up. */
export function abortError(signal: AbortSignal): GatewayError {
  const { reason } = signal;
  if (reason instanceof GatewayError) return reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new GatewayError('timeout', 'Reading the recording took longer than the deadline of the request.');
  }
  return new GatewayError('client_closed_request', 'The caller hung up.');
}

function paramOf(code: string): { param?: string } {
  return code === 'server_error' ? {} : { param: 'file' };
}

/** The process of a task was taken away, which says nothing of the file. */
export function processEnded(): GatewayError {
  return new GatewayError('service_unavailable', 'The decoding process ended; try again.', { retryAfterSeconds: 1 });
}

function lossError(exit: ChildExit): GatewayError {
  if (exit.killedFor === 'memory') return audioUnreadable('The file took too much memory to decode.');
  if (exit.killedFor === 'time') return audioUnreadable('The file took too long to decode.');
  if (exit.killedFor === 'starvation') {
    return new GatewayError('timeout', 'The recording was not decoded in time: the machine is overloaded.');
  }
  if (exit.killedFor === 'retired' || exit.isForeign) {
    return processEnded();
  }
  // It died of this file: out of heap, or a fault in a decoder.
  return audioUnreadable('The file could not be decoded.');
}
