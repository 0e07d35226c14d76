/** What the server's thread and the embedded database's thread say to each other. */

export interface WorkerSetup {
  /** Absolute path of the database's folder. */
  readonly dir: string;
  /** Whether every commit waits until the disk has it. Off for tests alone: then a power cut loses what it likes. */
  readonly durable: boolean;
  /** Whether the last process that had it did not close it. */
  readonly afterCrash: boolean;
}

export type ToWorker =
  | { readonly type: 'query'; readonly id: number; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly type: 'close'; readonly id: number };

export type FromWorker =
  | { readonly type: 'open' }
  | { readonly type: 'open-failed'; readonly message: string }
  | { readonly type: 'result'; readonly id: number; readonly result: StatementResult }
  | { readonly type: 'failed'; readonly id: number; readonly failure: StatementFailure }
  | { readonly type: 'closed'; readonly id: number };

export interface StatementResult {
  readonly rows: unknown[];
  readonly affectedRows: number | undefined;
  /** The tag of the command, such as COMMIT: a commit of a broken transaction answers ROLLBACK. */
  readonly command: string | undefined;
}

/** A database error as data: only these fields survive the way between threads. */
export interface StatementFailure {
  readonly message: string;
  /** SQLSTATE, null where it was no error of the database. */
  readonly code: string | null;
  readonly constraint: string | null;
}
