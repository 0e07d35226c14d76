import { attemptPath } from '../core/attempt-path.ts';
import { GatewayError } from '../core/errors.ts';
import type { ProviderAnswer } from '../providers/contract.ts';
import type { AnswerFault } from './answer-judge.ts';
import type { Attempt } from './plan.ts';

/** One attempt as it went, for headers, metrics and the request's record. */
export interface AttemptRecord {
  readonly modelId: string;
  readonly providerId: string;
  readonly kind: AttemptKind;
  /** It was made with the account's own key. */
  readonly ownKey?: true;
  readonly outcome: AttemptOutcome;
  /** From its beginning to its end, waits between calls included. */
  readonly latencyMs: number;
  /** Calls that were made: tries again, other boxes of the provider and pieces of the recording count one each. */
  readonly calls: number;
  /** Its answer is the one that the caller got. */
  readonly answered: boolean;
  /** What was found where its answer was judged. */
  readonly judgement?: { readonly speechMs: number | null; readonly characterCount: number };
  /** Of an opening: 0..1, null where its model gave none. */
  readonly confidence?: number | null;
}

/** `opening`: a cheap first pass; `first`: the plan's first; `fallback`: after a failure; `hedge`: beside one that is slow. */
export type AttemptKind = 'opening' | 'first' | 'fallback' | 'hedge';

/**
 * `ok`; `unsure`: an opening whose answer was not kept; `cancelled`: another was faster, or the caller left;
 * `breaker_open`: not asked, because it has failed too often or asked for rest; `bad_output:…`: what is wrong with its
 * answer; otherwise the code of the error that it ended with.
 */
export type AttemptOutcome =
  | 'ok'
  | 'unsure'
  | 'cancelled'
  | 'breaker_open'
  | `bad_output:${AnswerFault}`
  | (string & {});

export interface AttemptsResult {
  readonly answer: ProviderAnswer;
  readonly attempt: Attempt;
  readonly records: readonly AttemptRecord[];
}

/** Carries the records of a request whose every attempt failed. */
export class AttemptsError extends GatewayError {
  readonly records: readonly AttemptRecord[];
  constructor(last: GatewayError, records: readonly AttemptRecord[]) {
    super(last.code, last.message, {
      origin: last.origin,
      transient: last.isTransient,
      cause: last,
      tried: attemptPath(records),
      ...(last.param === null ? {} : { param: last.param }),
      ...(last.retryAfterSeconds === null ? {} : { retryAfterSeconds: last.retryAfterSeconds }),
    });
    this.records = records;
  }
}

/** A record while its attempt runs. */
export class OpenRecord {
  readonly attempt: Attempt;
  readonly kind: AttemptKind;
  calls = 0;
  readonly #startedAt = performance.now();
  #end: Pick<AttemptRecord, 'outcome' | 'latencyMs'> | null = null;
  #findings: Pick<AttemptRecord, 'judgement' | 'confidence'> = {};
  #answered = false;

  constructor(attempt: Attempt, kind: AttemptKind) {
    this.attempt = attempt;
    this.kind = kind;
  }

  note(findings: Pick<AttemptRecord, 'judgement' | 'confidence'>): void {
    this.#findings = { ...this.#findings, ...findings };
  }

  /** The first end counts: what was cancelled stays so, however it ends afterwards. Returns whether this one was it. */
  end(outcome: AttemptOutcome): boolean {
    if (this.#end) return false;
    this.#end = { outcome, latencyMs: Math.round(performance.now() - this.#startedAt) };
    return true;
  }

  /** Marks that this attempt's answer goes to the caller. */
  answers(): void {
    this.#answered = true;
  }

  read(): AttemptRecord {
    const { modelId, providerId, ownKey } = this.attempt;
    return {
      modelId,
      providerId,
      kind: this.kind,
      ...(ownKey && { ownKey }),
      outcome: this.#end?.outcome ?? 'cancelled',
      latencyMs: this.#end?.latencyMs ?? Math.round(performance.now() - this.#startedAt),
      calls: this.calls,
      answered: this.#answered,
      ...this.#findings,
    };
  }
}
