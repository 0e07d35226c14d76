/** A model or helper whose files are, or can be, on this machine, as `/api/models` shows it. */
export interface DepotEntry {
  readonly id: string;
  /** `recogniser` models serve requests, the others (`vad`, `diarization`, …) help them. */
  readonly kind: string;
  readonly loader: string;
  readonly state: 'installed' | 'imported' | 'not-installed';
  /** null: not known before it is fetched. */
  readonly sizeBytes: number | null;
  readonly languages: readonly string[];
  /** Names under which callers ask for it. */
  readonly models: readonly string[];
  readonly licence: string;
  readonly homepage: string | null;
  readonly files: readonly {
    readonly name: string;
    readonly sizeBytes: number | null;
    readonly sha256: string | null;
    readonly from: string | null;
  }[];
  /** Where it can be had, in the order in which it is tried, for people. */
  readonly sources: readonly string[];
  /** The latest pull since the server started; null: none. */
  readonly task: DepotTask | null;
}

export interface DepotTask {
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  readonly phase: 'fetch' | 'convert' | 'import';
  readonly from: string | null;
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  /** Unix time in milliseconds. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly restartNeeded: boolean;
}

/** The model files of this machine. */
export interface ModelDepot {
  list(): Promise<readonly DepotEntry[]>;
  /** null: there is no such model. */
  find(id: string): Promise<DepotEntry | null>;
  /**
   * Begins to fetch what is not installed, and answers at once. null: there is no such model. Rejects with GatewayError
   * `service_unavailable` when too many wait.
   */
  pull(id: string): Promise<DepotEntry | null>;
  /** Deletes the files. null: there is no such model. Rejects with GatewayError `model_in_use` for what has to stay. */
  remove(id: string): Promise<{ readonly removed: boolean; readonly restartNeeded: boolean } | null>;
}
