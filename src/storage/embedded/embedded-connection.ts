import { Worker } from 'node:worker_threads';
import { GatewayError } from '../../core/errors.ts';
import type { FromWorker, StatementResult, ToWorker, WorkerSetup } from './protocol.ts';

const script = new URL(import.meta.url.endsWith('.ts') ? './pglite-worker.ts' : './pglite-worker.js', import.meta.url);

/** What kysely reads of a result; it asks for no fields. */
interface QueryResult<Row> {
  readonly rows: Row[];
  readonly fields: [];
  readonly affectedRows?: number;
}

interface Waiting {
  resolve(result: StatementResult): void;
  reject(error: Error): void;
}

/** A statement that the database refused; `code` is its SQLSTATE, as with the `pg` package. */
export class StatementError extends Error {
  readonly code: string | null;
  readonly constraint: string | null;
  constructor(message: string, code: string | null, constraint: string | null) {
    super(message);
    this.name = 'StatementError';
    this.code = code;
    this.constraint = constraint;
  }
}

/**
 * The embedded database as kysely's PGlite dialect wants it, with the database itself in a thread of its own. One
 * statement runs at a time; kysely lets one caller in at a time, so a transaction needs no lock of its own.
 */
export class EmbeddedConnection {
  readonly waitReady: Promise<void>;
  ready = false;
  closed = false;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #failure: Error | null = null;

  /** `onFailed` hears of a thread that died without being told to; every statement is refused from then on. */
  constructor(setup: WorkerSetup, onFailed: (error: Error) => void) {
    // Nothing of the server's environment is the database's business. libpq's variables would even steer it.
    this.#worker = new Worker(script, {
      workerData: setup,
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.waitReady = new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        reject(error);
        this.#fail(error);
        if (this.ready && !this.closed) onFailed(error);
      };
      this.#worker.on('message', (message: FromWorker) => {
        if (message.type === 'open') {
          this.ready = true;
          resolve();
        } else if (message.type === 'open-failed') fail(new Error(message.message));
        else this.#answer(message);
      });
      this.#worker.on('error', fail);
      this.#worker.on('exit', (code) => fail(new Error(`the database's thread ended with code ${code}`)));
    });
    // Whoever opens it awaits this; a failure before that must not end the process.
    this.waitReady.catch(() => undefined);
  }

  /** Rejects with StatementError when the database refuses, with GatewayError `service_unavailable` when it is gone. */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult<Row>> {
    const { rows, affectedRows } = await this.#send({ type: 'query', id: this.#nextId++, sql, parameters });
    return { rows: rows as Row[], fields: [], ...(affectedRows !== undefined && { affectedRows }) };
  }

  /** Commits what `work` did, or rolls it back when it rejects. */
  async transaction<Value>(
    work: (transaction: Pick<EmbeddedConnection, 'query'> & { rollback(): Promise<void> }) => Promise<Value>,
  ): Promise<Value> {
    const plain = (sql: string) => this.#send({ type: 'query', id: this.#nextId++, sql, parameters: [] });
    await plain('begin');
    let value: Value;
    try {
      value = await work({
        query: (sql, parameters) => this.query(sql, parameters),
        rollback: async () => {
          await plain('rollback');
        },
      });
    } catch (thrown) {
      await plain('rollback');
      throw thrown;
    }
    const { command } = await plain('commit');
    // The code of a transaction that was broken before: kysely makes its own error of it.
    if (command === 'ROLLBACK') throw new StatementError('the transaction was rolled back', '25P02', null);
    return value;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      if (this.ready && this.#failure === null) await this.#send({ type: 'close', id: this.#nextId++ });
    } finally {
      await this.#worker.terminate();
    }
  }

  #send(message: ToWorker): Promise<StatementResult> {
    if (this.#failure !== null) return Promise.reject(unavailable(this.#failure));
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.id, { resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  #answer(message: Extract<FromWorker, { id: number }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'failed') {
      const { message: text, code, constraint } = message.failure;
      waiting?.reject(new StatementError(text, code, constraint));
    } else {
      waiting?.resolve(message.type === 'result' ? message.result : { rows: [], affectedRows: 0, command: undefined });
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(unavailable(error));
    this.#waiting.clear();
  }
}

function unavailable(cause: Error): GatewayError {
  return new GatewayError('service_unavailable', 'The database is not available.', { cause, retryAfterSeconds: 5 });
}
