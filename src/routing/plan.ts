import type { Nanos } from '../core/money.ts';
import type { ModelCard } from '../providers/contract.ts';

/** The words of routing: what is wanted, what there is, and what is to be tried in which order. */

/** What the caller wants, as far as choosing an engine needs to know. */
export interface RouteAsk {
  /** As written by the caller: an alias, a full model id or a bare name. */
  readonly model: string;
  /** ISO-639-1; null: unknown. */
  readonly language: string | null;
  readonly task: 'transcribe' | 'translate';
  readonly durationMs: number;
  /** Of the upload; left out: not known yet. */
  readonly sizeBytes?: number;
  /** What the key allows; left out: everything. */
  readonly access?: RouteAccess;
  /** For whom the account has keys of its own; left out: for nobody. */
  readonly own?: OwnKeys;
}

/** An account's own keys, as far as choosing needs to know. They make available what the operator has not switched on. */
export interface OwnKeys {
  readonly providerIds: ReadonlySet<string>;
  /** Where the own key gives no answer, the operator's is not asked. */
  readonly isAlone: boolean;
}

/** What a key allows of what there is. A recording never reaches a provider that its key excludes. */
export interface RouteAccess {
  /** Names of models and aliases as the catalogue writes them; null: all. A model behind an allowed alias is allowed. */
  readonly allowedModels: readonly string[] | null;
  /** Nothing leaves this machine. */
  readonly localOnly: boolean;
  /** What a minute may cost under the name that was asked for; null: no ceiling. */
  readonly maxNanosPerMinute: Nanos | null;
  /** By model or alias: what the account's plan sets over the prices; left out: nothing. */
  readonly prices?: Readonly<Record<string, { readonly nanosPerMinute: Nanos; readonly minimumMs: number }>>;
}

/** A model that exists, with what is known of it right now. */
export interface Candidate {
  readonly card: ModelCard;
  /** Installed (local) or switched on (upstream). */
  readonly available: boolean;
  /** Who serves it, where that is not the part of the id before the slash. */
  readonly providerId?: string;
  /** Whether it also exists under this name pinned to a day. */
  readonly snapshots?: boolean;
  /** Artifacts of ours that would have to be installed to make it available; empty for another provider's model. */
  readonly missing: readonly string[];
  /** What its breaker says: `open` is not asked at all, `probing` is asked by one request at a time. */
  readonly breaker?: BreakerState;
  /** When an open breaker lets a request through again, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** What a minute of it costs a caller who asks for it by name; left out: unknown. */
  readonly nanosPerMinute?: Nanos;
  /** Calls that its provider takes at one time, for recordings that are cut; left out: 1. */
  readonly maxParallelCalls?: number;
}

export type BreakerState = 'closed' | 'probing' | 'open';

/** Everything that a decision may depend on; the same market gives the same plan. */
export interface Market {
  readonly candidates: readonly Candidate[];
  /** Alias → model ids in order of preference. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** Alias → what a minute costs under it, whichever model answers; left out: the price of each model counts. */
  readonly aliasNanosPerMinute?: ReadonlyMap<string, Nanos>;
  /** Alias → ids of the operator's own choice that come before its models; left out: none. */
  readonly preferred?: ReadonlyMap<string, readonly string[]>;
  /** Model id → ids of the models that are tried after it when a caller names it; left out: none. */
  readonly fallbacks?: ReadonlyMap<string, readonly string[]>;
  /** Vendors' bare names → the alias that answers for them where nobody serves them; left out: none. */
  readonly standIns?: ReadonlyMap<string, string>;
  /** Alias → a cheap first pass before its models. */
  readonly openings?: ReadonlyMap<string, MarketOpening>;
}

/** A cheap model whose answer is kept where it is sure of itself. */
export interface MarketOpening {
  /** In order of preference; the first that can is taken. */
  readonly modelIds: readonly string[];
  /** 0..1: the calibrated mean word confidence from which its answer stands. */
  readonly keepAboveConfidence: number;
  /** Only worth its while before a model of another provider: without one there is no first pass. */
  readonly beforeOthersOnly: boolean;
}

export interface Attempt {
  readonly modelId: string;
  readonly providerId: string;
  /** Made with the account's own key; left out: with the operator's. */
  readonly ownKey?: true;
  /** How the recording has to be cut for this model; left out: it takes the whole in one call. */
  readonly pieces?: PieceLimits;
}

/** What one call of a model takes at most. */
export interface PieceLimits {
  readonly maxDurationMs: number | null;
  readonly maxUploadBytes: number | null;
  /** Pieces under way at one time. */
  readonly maxParallelCalls: number;
}

/** A first attempt that is only kept where it is sure of itself; the plan's attempts follow where it is not. */
export interface Opening {
  readonly attempt: Attempt;
  readonly keepAboveConfidence: number;
}

export type PassReason =
  | 'not-available'
  | 'language'
  | 'feature'
  | 'not-allowed'
  | 'leaves-machine'
  | 'too-expensive'
  | 'breaker-open';

export interface Plan {
  /** The catalogue name that the ask resolved to (an alias or a model id): the price is looked up under it. */
  readonly resolvedName: string | null;
  /** Tried before the attempts, kept only where it is sure of itself; left out: none. */
  readonly opening?: Opening;
  /** In order. */
  readonly attempts: readonly Attempt[];
  readonly passedOver: readonly { readonly modelId: string; readonly why: PassReason }[];
}

/** Pure: ask and market in, ordered attempts and the reasons against the others out. */
export interface RoutingPolicy {
  plan(ask: RouteAsk, market: Market): Plan;
}
