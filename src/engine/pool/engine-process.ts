import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineJob, FromWorker, ToWorker, WorkerSetup } from '../protocol.ts';

/** Sources run as they are in a clone (`.ts`) and compiled in the published package (`.js`). */
const WORKER_PATH = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './engine-worker.ts' : './engine-worker.js', import.meta.url),
);

export interface EngineProcessEvents {
  onReady(): void;
  onSetupFailed(message: string): void;
  onMessage(message: Extract<FromWorker, { id: number }>): void;
  /** Called once, whatever ended the process. */
  onExit(reason: string): void;
}

/** One child process of the engine and the wire to it. */
export class EngineProcess {
  readonly #child: ChildProcess;

  constructor(setup: WorkerSetup, events: EngineProcessEvents) {
    this.#child = fork(WORKER_PATH, {
      serialization: 'advanced',
      // Nothing of the server's environment is the engine's business; keys in particular.
      env: {},
      execArgv: ['--max-old-space-size=512', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    let ended = false;
    const end = (reason: string) => {
      if (ended) return;
      ended = true;
      events.onExit(reason);
    };
    this.#child.on('message', (message: FromWorker) => {
      if (ended) return;
      if (message.type === 'ready') events.onReady();
      else if (message.type === 'setup-failed') events.onSetupFailed(message.message);
      else events.onMessage(message);
    });
    this.#child.on('error', (error) => end(error.message));
    this.#child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    this.#send({ type: 'setup', setup });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  start(id: number, job: EngineJob): void {
    this.#send({ type: 'job', id, job });
  }

  cancel(id: number): void {
    this.#send({ type: 'cancel', id });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToWorker): void {
    if (!this.#child.connected) return;
    // A process that dies while we write is reported by its exit, not here.
    this.#child.send(message, (error) => error && this.#child.kill('SIGKILL'));
  }
}
