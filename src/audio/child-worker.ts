import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { childUsage } from './child-usage.ts';
import type { FromDecodeWorker, ToDecodeWorker } from './protocol.ts';

/** How a process ended, when it was not asked to. */
export interface ChildExit {
  /** Why we killed it; null when we did not. */
  readonly killedFor: KillReason | null;
  /** True when the system or an operator killed it, rather than its own fault. */
  readonly isForeign: boolean;
  /** The last of what it wrote to stderr, for the log. */
  readonly stderr: string;
}

export type KillReason = 'memory' | 'time' | 'starvation' | 'no-answer' | 'retired';

export interface ChildWorkerEvents {
  onMessage(message: FromDecodeWorker): void;
  onExit(exit: ChildExit): void;
}

export interface ChildWorkerOptions {
  /** V8's heap; buffers lie outside it and are watched as resident memory. */
  readonly heapMegabytes: number;
  readonly rssBytes: number;
}

/** The script lies beside this one, under whichever ending this one has: sources run as they are, the package is built. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const SCRIPT = fileURLToPath(new URL(`./decode-worker${extension}`, import.meta.url));
const USAGE_INTERVAL_MS = 500;
const STDERR_CHARACTERS = 2_000;

/**
 * One decoding process. It may read files and nothing more: Node's permission model refuses it writing, other programs,
 * worker threads and native add-ons. It inherits no environment, so no key either.
 */
export class ChildWorker {
  readonly #child: ChildProcess;
  readonly #options: ChildWorkerOptions;
  readonly #watch: NodeJS.Timeout;
  #killedFor: KillReason | null = null;
  #stderr = '';
  #isHeld = false;

  constructor(options: ChildWorkerOptions, events: ChildWorkerEvents) {
    this.#options = options;
    const child = fork(SCRIPT, [], {
      execArgv: ['--permission', '--allow-fs-read=*', '--expose-gc', `--max-old-space-size=${options.heapMegabytes}`],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.on('message', (message: FromDecodeWorker) => events.onMessage(message));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
    let hasEnded = false;
    const end = (signal: NodeJS.Signals | null) => {
      if (hasEnded) return;
      hasEnded = true;
      clearInterval(this.#watch);
      const isForeign =
        this.#killedFor === null && (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT');
      events.onExit({ killedFor: this.#killedFor, isForeign, stderr: this.#stderr });
    };
    child.on('exit', (_code, signal) => end(signal));
    // When it cannot be started at all there is no exit.
    child.on('error', (error) => {
      this.#stderr = error.message;
      if (child.pid === undefined) end(null);
    });
    this.#watch = setInterval(() => this.#checkMemory(), USAGE_INTERVAL_MS);
    this.#watch.unref();
    this.hold(false);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Processor time so far in milliseconds; null where the system does not tell. */
  get cpuMs(): number | null {
    return this.#child.pid === undefined ? null : (childUsage(this.#child.pid)?.cpuMs ?? null);
  }

  /** A process that died in between is noticed by its exit. */
  send(message: ToDecodeWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** While held, the process keeps the server's event loop alive; idle ones do not keep a program from ending. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    const stderr = this.#child.stderr;
    const parts = [this.#child, this.#child.channel, stderr && 'ref' in stderr ? stderr : null];
    for (const part of parts) {
      if (part && typeof part === 'object' && 'ref' in part && 'unref' in part) {
        const { ref, unref } = part;
        if (typeof ref === 'function' && typeof unref === 'function') (isHeld ? ref : unref).call(part);
      }
    }
  }

  /** Ends the process at once; `onExit` follows. */
  kill(reason: KillReason): void {
    this.#killedFor ??= reason;
    this.#child.kill('SIGKILL');
  }

  /** The process looks after itself between packets; inside one only this can. */
  #checkMemory(): void {
    if (!this.#isHeld || this.#child.pid === undefined) return;
    const usage = childUsage(this.#child.pid);
    if (usage && usage.rssBytes > this.#options.rssBytes) this.kill('memory');
  }
}
