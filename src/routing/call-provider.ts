import { setTimeout as sleep } from 'node:timers/promises';
import { ExponentialBackoff, type GeneratorFn, type IBackoff } from 'cockatiel';
import { GatewayError } from '../core/errors.ts';
import { LinkedAbort } from '../core/linked-abort.ts';
import type { Call, Provider, ProviderAnswer, ProviderAsk } from '../providers/contract.ts';
import type { AttemptLimits } from './attempt-limits.ts';
import { abortError, blamesProvider, callError, orAborted } from './call-failure.ts';
import type { EnteredBox, ProviderBoxes } from './provider-boxes.ts';

/** What calling one provider for one attempt needs to know. */
export interface CallingParts {
  readonly boxes: ProviderBoxes;
  readonly limits: AttemptLimits;
  /** Whether somebody else could still answer: then one call may not take all the time there is. */
  readonly isTimeLimited: boolean;
  /** No try again: the attempt probes a breaker, or its caller has already been sent text. */
  readonly mayRetry: () => boolean;
  /** When the request's deadline is, as `performance.now()` counts; infinity: it has none. */
  readonly deadlineAtMs: number;
  /** 0 up to, not including, 1. */
  readonly dice: () => number;
  readonly onCall: () => void;
  readonly onRetry: (failure: GatewayError) => void;
}

/**
 * One recording, or one piece of it, answered by one provider. Where that has several boxes, the trouble of one sends the
 * call to another at once. Then, after a failure that may pass (nothing of an answer had come), all are asked again after
 * a random, growing pause, or the one that the provider asked for. Rejects with GatewayError.
 */
export async function callProvider(parts: CallingParts, ask: ProviderAsk, call: Call): Promise<ProviderAnswer> {
  const tried = new Set<Provider>();
  let backoff: IBackoff<unknown> | null = null;
  let last: GatewayError | null = null;
  for (let retries = 0; ; ) {
    if (call.signal.aborted) throw abortError(call.signal);
    const box = parts.boxes.enter(ask.modelId, tried);
    if (box) {
      const outcome = await callBox(parts, box, ask, call);
      if ('answer' in outcome) return outcome.answer;
      last = outcome.error;
      if (outcome.isFinal) throw last;
      tried.add(box.provider);
      continue;
    }
    if (!last) throw restingError(parts.boxes.stateOf(ask.modelId).retryAfterMs);
    if (!last.isTransient || retries >= parts.limits.retries || !parts.mayRetry()) throw last;
    backoff = backoff ? backoff.next(undefined) : backoffs(parts).next();
    const waitMs = waitBefore(last, backoff.duration, parts);
    if (waitMs === null) throw last;
    parts.onRetry(last);
    await pause(waitMs, call.signal);
    retries++;
    tried.clear();
  }
}

/** Nobody was asked: every breaker says no. */
export function restingError(retryAfterMs: number): GatewayError {
  return new GatewayError('service_unavailable', 'No provider of this model takes requests now.', {
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  });
}

type BoxOutcome =
  | { readonly answer: ProviderAnswer }
  /** `isFinal`: neither another box nor another try would help, or must not. */
  | { readonly error: GatewayError; readonly isFinal: boolean };

async function callBox(parts: CallingParts, box: EnteredBox, ask: ProviderAsk, call: Call): Promise<BoxOutcome> {
  const { limits, isTimeLimited } = parts;
  const limited = isTimeLimited ? new LinkedAbort(call.signal) : null;
  const timeoutMs = Math.round(limits.callBaseMs + limits.callPerAudioMs * ask.audio.probe.durationMs);
  const timer = limited ? setTimeout(() => limited.abort(slowError()), timeoutMs) : undefined;
  const signal = limited?.signal ?? call.signal;
  let hasPassedText = false;
  const { onEvent } = call;
  parts.onCall();
  try {
    const work = box.provider.transcribe(ask, {
      ...call,
      signal,
      ...(onEvent && {
        onEvent: (event) => {
          // What comes from a call that has been given up belongs to nobody.
          if (signal.aborted) return;
          if (event.type === 'segment-final') hasPassedText = true;
          onEvent(event);
        },
      }),
    });
    const answer = await orAborted(work, signal);
    box.pass.settle('good');
    return { answer };
  } catch (thrown) {
    const error = callError(thrown, signal);
    const isResting = restIfAsked(box, error, parts);
    box.pass.settle(!isResting && blamesProvider(error) ? 'bad' : 'none');
    return { error, isFinal: call.signal.aborted || hasPassedText || error.next === 'stop' };
  } finally {
    clearTimeout(timer);
    limited?.release();
    box.leave();
  }
}

/** A pause that is longer than anybody waits here is kept for everybody: the next requests go elsewhere at once. */
function restIfAsked(box: EnteredBox, error: GatewayError, parts: CallingParts): boolean {
  if (error.origin !== 'provider' || error.retryAfterSeconds === null) return false;
  const askedMs = error.retryAfterSeconds * 1000;
  if (askedMs <= parts.limits.maxRetryWaitMs) return false;
  box.rest(askedMs);
  return true;
}

/** How long to wait before asking again; null: that is not worth it or comes too late. */
function waitBefore(error: GatewayError, backoffMs: number, parts: CallingParts): number | null {
  const askedMs = (error.retryAfterSeconds ?? 0) * 1000;
  const waitMs = Math.max(askedMs, backoffMs);
  const leftMs = parts.deadlineAtMs - performance.now();
  return waitMs <= parts.limits.maxRetryWaitMs && waitMs < leftMs ? waitMs : null;
}

/** Anything from nothing to the whole delay: those that failed together do not come back together. */
function backoffs({ limits, dice }: CallingParts): ExponentialBackoff<number> {
  const generator: GeneratorFn<number> = (attempt = 0, { initialDelay, maxDelay, exponent }) => [
    dice() * Math.min(maxDelay, initialDelay * exponent ** attempt),
    attempt + 1,
  ];
  return new ExponentialBackoff({ generator, initialDelay: limits.backoffMs, maxDelay: limits.maxRetryWaitMs });
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal });
  } catch (thrown) {
    throw signal.aborted ? abortError(signal) : thrown;
  }
}

function slowError(): GatewayError {
  return new GatewayError('timeout', 'The provider did not answer in time.', { origin: 'provider' });
}
