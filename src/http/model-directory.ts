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
  /** For a model: full ids of those that stand in for it, in order. */
  readonly fallbacks: readonly string[];
  /** Features of the catalogue: `transcribe`, `translate`, `word-times`, … */
  readonly capabilities: readonly string[];
  /** ISO-639-1 codes; `*` alone means any. */
  readonly languages: readonly string[];
  /** Kinds of files that it takes, by their usual endings. */
  readonly audioFormats: readonly string[];
  readonly price: {
    /** Decimal US dollars. */
    readonly perMinuteUsd: string;
    readonly minimumSeconds: number;
    /** Decimal US dollars for a million tokens, charged where the vendor counts them; null: the length alone counts. */
    readonly perMillionTokens: {
      readonly inputUsd: string;
      readonly audioUsd: string;
      readonly outputUsd: string;
    } | null;
  };
  /** Of a request. */
  readonly limits: {
    readonly maxUploadBytes: number;
    /** null: no ceiling of its own. */
    readonly maxAudioSeconds: number | null;
  };
  /** Of one call of the model; longer and larger recordings are cut. null: no ceiling that is known. */
  readonly callLimits: {
    readonly maxUploadBytes: number | null;
    readonly maxAudioSeconds: number | null;
  };
  /** Recordings stay on this machine, or can: of an alias, by one of the models behind it. */
  readonly isLocal: boolean;
  /**
   * `ready`; `degraded`: it has failed too often just now and is asked again after a while; `not-installed`: known, can be
   * pulled or switched on; `unavailable`: installed but cannot serve now.
   */
  readonly health: 'ready' | 'degraded' | 'not-installed' | 'unavailable';
}

/** Every model and alias, as of this moment; `ownProviders`: for whom the caller's account has keys of its own. */
export interface ModelDirectory {
  /** Without models that are not installed. */
  list(ownProviders?: ReadonlySet<string>): readonly ModelEntry[];
  /**
   * What a request under this name means, installed or not; null when there is nothing. `allowedModels`: what the caller's
   * key is bound to, null: nothing; an alias that it leaves out stands in for no vendor's name.
   */
  find(id: string, ownProviders?: ReadonlySet<string>, allowedModels?: readonly string[] | null): ModelEntry | null;
}
