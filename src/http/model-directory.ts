/** A model or alias as `GET /v1/models` shows it. */
export interface ModelEntry {
  /** The name that callers write: `flux-voice`, `local/moonshine-tiny`. */
  readonly id: string;
  /** Readable name, such as `Moonshine tiny (English)`. */
  readonly name: string;
  readonly description: string;
  /** Provider id, or `fluxscribe` for an alias. */
  readonly ownedBy: string;
  /** Whole seconds since the Unix epoch. */
  readonly createdSeconds: number;
  /** For an alias: full ids of the models behind it in order of preference; null for a model. */
  readonly aliasOf: readonly string[] | null;
  /** Features of the catalogue: `transcribe`, `translate`, `word-times`, … */
  readonly capabilities: readonly string[];
  /** ISO-639-1 codes; `*` alone means any. */
  readonly languages: readonly string[];
  readonly price: {
    /** Decimal US dollars. */
    readonly perMinuteUsd: string;
    readonly minimumSeconds: number;
  };
  readonly limits: {
    readonly maxUploadBytes: number;
    /** null: no ceiling of its own. */
    readonly maxAudioSeconds: number | null;
  };
  /** `ready`; `not-installed`: known, can be pulled; `unavailable`: installed but cannot serve now. */
  readonly health: 'ready' | 'not-installed' | 'unavailable';
}

/** Every model and alias, as of this moment. */
export interface ModelDirectory {
  /** Without models that are not installed. */
  list(): readonly ModelEntry[];
  /** By id, or by the bare name of exactly one model, installed or not; null when there is none. */
  find(id: string): ModelEntry | null;
}
