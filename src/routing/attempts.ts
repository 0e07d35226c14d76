import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Call, Provider, ProviderAnswer, ProviderAsk } from '../providers/contract.ts';
import type { Attempt, Plan } from './plan.ts';

/** One attempt as it went, for headers, metrics and the request's record. */
export interface AttemptRecord {
  readonly modelId: string;
  readonly providerId: string;
  /** `ok`, or the error code that it ended with. */
  readonly outcome: string;
  readonly latencyMs: number;
}

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
      cause: last,
      ...(last.param === null ? {} : { param: last.param }),
      ...(last.retryAfterSeconds === null ? {} : { retryAfterSeconds: last.retryAfterSeconds }),
    });
    this.records = records;
  }
}

/**
 * Runs a plan: the only place that tries again. The next candidate is tried only after a failure that another one could
 * cure, never after the caller's own mistake or hang-up, and never once finished segments have been sent to the caller.
 */
export async function runAttempts(
  plan: Plan,
  providers: ReadonlyMap<string, Provider>,
  ask: Omit<ProviderAsk, 'modelId'>,
  call: Call,
): Promise<AttemptsResult> {
  const records: AttemptRecord[] = [];
  let delivered = false;
  let last: GatewayError | null = null;
  for (const attempt of plan.attempts) {
    const provider = providers.get(attempt.providerId);
    if (!provider) throw new GatewayError('server_error', 'A planned provider is not configured.');
    const startedAt = performance.now();
    const record = (outcome: string) =>
      records.push({ ...attempt, outcome, latencyMs: Math.round(performance.now() - startedAt) });
    try {
      const answer = await provider.transcribe(
        { ...ask, modelId: attempt.modelId },
        {
          signal: call.signal,
          log: call.log,
          ...(call.onEvent && {
            onEvent: (event) => {
              if (event.type === 'segment-final') delivered = true;
              call.onEvent?.(event);
            },
          }),
        },
      );
      record('ok');
      return { answer, attempt, records };
    } catch (thrown) {
      last = toGatewayError(thrown);
      record(last.code);
      if (last.next === 'stop' || delivered || call.signal.aborted) break;
    }
  }
  throw new AttemptsError(last ?? new GatewayError('server_error', 'The plan has no attempt.'), records);
}
