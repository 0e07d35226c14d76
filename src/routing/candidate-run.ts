import { GatewayError, toGatewayError } from '../core/errors.ts';
import { LinkedAbort } from '../core/linked-abort.ts';
import { noTracing } from '../core/tracing.ts';
import type { Call, ProviderAnswer, ProviderAsk } from '../providers/contract.ts';
import { meanConfidence } from './answer-confidence.ts';
import type { Judgement } from './answer-judge.ts';
import type { AttemptLimits } from './attempt-limits.ts';
import { type AttemptKind, type AttemptOutcome, OpenRecord } from './attempt-record.ts';
import type { AttemptsCall, AttemptsParts } from './attempts-parts.ts';
import type { DoubtfulAnswer } from './best-answer.ts';
import type { BreakerPass, Breakers } from './breakers.ts';
import { blamesProvider, callError, isDeadline, orAborted } from './call-failure.ts';
import { callProvider, restingError } from './call-provider.ts';
import { PiecesError } from './pieces-error.ts';
import type { Attempt, Opening } from './plan.ts';
import { createProviderBoxes, type ProviderBoxes } from './provider-boxes.ts';
import { type Floor, StreamGate } from './stream-gate.ts';

/** What all candidates of one request share. */
export interface CandidateSurroundings {
  readonly parts: AttemptsParts;
  readonly breakers: Breakers;
  readonly boxesOf: (providerId: string) => ProviderBoxes | null;
  readonly limits: AttemptLimits;
  readonly ask: Omit<ProviderAsk, 'modelId'>;
  readonly call: AttemptsCall;
  /** null: the caller wants no events. */
  readonly floor: Floor | null;
}

export interface CandidateOptions {
  readonly kind: AttemptKind;
  /** Whether somebody else's answer could still be had instead: only then is it worth a judgement. */
  readonly hasAlternative: () => boolean;
  readonly isTimeLimited: boolean;
  readonly gateMode: 'open' | 'until-trusted' | 'until-kept';
  /** Of an opening: what its answer has to come to. */
  readonly opening?: Opening;
  /** Its text has begun to go to the caller. */
  readonly onFloorTaken: (run: CandidateRun) => void;
}

/** One attempt under way. */
export interface CandidateRun {
  readonly attempt: Attempt;
  readonly record: OpenRecord;
  readonly gate: StreamGate | null;
  /** Never rejects. */
  readonly end: Promise<CandidateEnd>;
  /** Another was faster: ends its work down to the provider's socket. */
  cancel(): void;
}

export type CandidateEnd =
  | { readonly type: 'good'; readonly answer: ProviderAnswer }
  | ({ readonly type: 'doubtful' } & DoubtfulCandidate)
  | {
      readonly type: 'failed';
      readonly error: GatewayError;
      readonly wasAsked: boolean;
      /** What it heard all the same of a recording in pieces. */
      readonly partial?: ProviderAnswer;
    };

export interface DoubtfulCandidate extends DoubtfulAnswer {
  /** What it says about its provider shows only when the others have answered. */
  readonly settle: BreakerPass['settle'];
}

/** Starts one attempt: its breaker, its calls, the judgement of its answer, its record and its span. */
export function startCandidate(
  surroundings: CandidateSurroundings,
  attempt: Attempt,
  options: CandidateOptions,
): CandidateRun {
  const { floor, call } = surroundings;
  const record = new OpenRecord(attempt, options.kind);
  const work = new LinkedAbort(call.signal);
  const { signal } = work;
  const gate: StreamGate | null = floor && new StreamGate(floor, options.gateMode, () => options.onFloorTaken(run));
  const finish = finisher(surroundings, record);
  const run: CandidateRun = {
    attempt,
    record,
    gate,
    end: attemptCandidate({ surroundings, attempt, options, record, gate, signal, finish }).finally(() =>
      work.release(),
    ),
    cancel() {
      finish('cancelled');
      work.abort(new GatewayError('client_closed_request', 'Another provider was faster.'));
    },
  };
  return run;
}

interface Attempting {
  readonly surroundings: CandidateSurroundings;
  readonly attempt: Attempt;
  readonly options: CandidateOptions;
  readonly record: OpenRecord;
  readonly gate: StreamGate | null;
  /** The request's own, and this attempt's cancellation. */
  readonly signal: AbortSignal;
  readonly finish: (outcome: AttemptOutcome) => void;
}

async function attemptCandidate(attempting: Attempting): Promise<CandidateEnd> {
  const { surroundings, attempt, finish, signal } = attempting;
  const { breakers, boxesOf } = placesOf(surroundings, attempt);
  const { providerId, modelId } = attempt;
  // The rest waits a turn, so that whoever starts it holds the run before anything can end.
  await null;
  const boxes = boxesOf(providerId);
  if (!boxes) {
    finish('server_error');
    const error = new GatewayError('server_error', 'A planned provider is not configured.');
    return { type: 'failed', error, wasAsked: false };
  }
  const pass = breakers.enter(providerId, modelId);
  if (!pass) {
    finish('breaker_open');
    const error = restingError(breakers.stateOf(providerId, modelId).retryAfterMs);
    return { type: 'failed', error, wasAsked: false };
  }
  try {
    const answer = await ask(attempting, boxes, pass);
    if (attempt.ownKey) surroundings.call.own?.onEnded(providerId, 'working');
    return await weigh(attempting, answer, pass);
  } catch (thrown) {
    const error = callError(thrown, signal);
    if (attempt.ownKey && error.code === 'provider_key_refused') surroundings.call.own?.onEnded(providerId, 'refused');
    pass.settle(verdictOf(error, attempting));
    finish(error.code);
    const partial = thrown instanceof PiecesError ? thrown.partial : null;
    return { type: 'failed', error, wasAsked: true, ...(partial && { partial }) };
  }
}

/** Who is asked, and whose breakers say whether: the operator's, or the account's with its own key. */
function placesOf(
  { parts, breakers, boxesOf, call: { own } }: CandidateSurroundings,
  { ownKey, providerId }: Attempt,
): Pick<CandidateSurroundings, 'breakers' | 'boxesOf'> {
  if (!ownKey || !own) return { breakers, boxesOf: ownKey ? () => null : boxesOf };
  const provider = own.providers.get(providerId);
  const dice = parts.dice ?? Math.random;
  const boxes = provider ? createProviderBoxes(providerId, [provider], { breakers: own.breakers, dice }) : null;
  return { breakers: own.breakers, boxesOf: () => boxes };
}

async function ask(attempting: Attempting, boxes: ProviderBoxes, pass: BreakerPass): Promise<ProviderAnswer> {
  const { surroundings, attempt, options, record, gate, signal } = attempting;
  const { parts, limits, call } = surroundings;
  const { providerId, modelId } = attempt;
  const calling = {
    boxes,
    limits,
    isTimeLimited: options.isTimeLimited,
    mayRetry: () => !pass.isProbe,
    deadlineAtMs: call.deadlineAtMs ?? Number.POSITIVE_INFINITY,
    dice: parts.dice ?? Math.random,
    onCall: () => void record.calls++,
    onRetry: (failure: GatewayError) => parts.observer?.retried(providerId, modelId, failure),
  };
  const callOnce = (piece: ProviderAsk, pieceCall: Call) => callProvider(calling, piece, pieceCall);
  const whole: ProviderAsk = { ...surroundings.ask, modelId };
  const wholeCall: Call = { signal, log: call.log, ...(gate && { onEvent: gate.onEvent }) };
  if (!attempt.pieces || !parts.inPieces) return await callOnce(whole, wholeCall);
  // Not raced with the signal: at the deadline it still hands over what it has heard.
  return await parts.inPieces(callOnce, attempt.pieces, whole, wholeCall, {
    keepGoing: () => gate?.hasFloor === true || !options.hasAlternative(),
  });
}

/** Whether the answer is to be given, or only where nobody has a better one. */
async function weigh(attempting: Attempting, answer: ProviderAnswer, pass: BreakerPass): Promise<CandidateEnd> {
  const { options, record, gate, finish } = attempting;
  const judgement = gate?.hasFloor || !options.hasAlternative() ? null : await judge(attempting, answer);
  if (judgement) {
    const { fault, speechMs, characterCount } = judgement;
    record.note({ judgement: { speechMs, characterCount } });
    if (fault) {
      finish(`bad_output:${fault}`);
      return { type: 'doubtful', answer, fault, settle: pass.settle };
    }
  }
  pass.settle('good');
  if (options.opening && !isSure(answer, options.opening, judgement, record)) {
    finish('unsure');
    return { type: 'doubtful', answer, fault: null, settle: pass.settle };
  }
  finish('ok');
  return { type: 'good', answer };
}

async function judge(attempting: Attempting, answer: ProviderAnswer): Promise<Judgement | null> {
  const { surroundings, attempt, signal } = attempting;
  const { parts, ask: asked, call } = surroundings;
  if (!parts.judge) return null;
  try {
    return await orAborted(parts.judge.judge(answer, { ...asked, modelId: attempt.modelId }, signal), signal);
  } catch (thrown) {
    // With the deadline an answer that nobody has looked at is better than none.
    if (signal.aborted && isDeadline(signal)) return null;
    if (signal.aborted) throw thrown;
    // The provider has heard what cannot be decoded here: that is no reason to throw its answer away.
    call.log.warn({ code: toGatewayError(thrown).code, model: attempt.modelId }, 'an answer could not be judged');
    return null;
  }
}

/** Nobody spoke, as far as the judge can tell, or the model is sure enough of what was said and left nothing out. */
function isSure(
  { transcript }: ProviderAnswer,
  { keepAboveConfidence }: Opening,
  judgement: Judgement | null,
  record: OpenRecord,
): boolean {
  const confidence = meanConfidence(transcript);
  record.note({ confidence });
  if (transcript.unheard.length > 0) return false;
  if (transcript.text === '') return judgement !== null;
  return confidence !== null && confidence >= keepAboveConfidence;
}

/** What a failure says about its provider. */
function verdictOf(error: GatewayError, { surroundings, signal, record }: Attempting): 'good' | 'bad' | 'none' {
  const { limits, call, ask: asked } = surroundings;
  if (signal.aborted) {
    // Who was given all the time there was, and more than anybody needs, has failed; the others were only cut off.
    const patienceMs = limits.callBaseMs + limits.callPerAudioMs * asked.audio.probe.durationMs;
    return call.signal.aborted && isDeadline(call.signal) && record.read().latencyMs >= patienceMs ? 'bad' : 'none';
  }
  const isResting = error.retryAfterSeconds !== null && error.retryAfterSeconds * 1000 > limits.maxRetryWaitMs;
  if (isResting) return 'none';
  if (blamesProvider(error)) return 'bad';
  return error.origin === 'provider' ? 'good' : 'none';
}

/** Ends record and span and tells the observer, once. */
function finisher({ parts, ask: asked, call }: CandidateSurroundings, record: OpenRecord) {
  const { modelId, providerId } = record.attempt;
  const span = (parts.tracing ?? noTracing).start(
    'attempt',
    {
      'fluxscribe.provider': providerId,
      'fluxscribe.model': modelId,
      'fluxscribe.attempt.kind': record.kind,
      'fluxscribe.audio_seconds': asked.audio.probe.durationMs / 1000,
    },
    call.span ?? null,
  );
  return (outcome: AttemptOutcome) => {
    if (!record.end(outcome)) return;
    const ended = record.read();
    span.set({ 'fluxscribe.attempt.outcome': outcome, 'fluxscribe.attempt.calls': ended.calls });
    span.end(outcome === 'ok' || outcome === 'unsure' || outcome === 'cancelled' ? null : outcome);
    if (outcome !== 'ok') {
      call.log.info(
        { provider: providerId, model: modelId, outcome, latencyMs: ended.latencyMs, calls: ended.calls },
        'an attempt gave no answer',
      );
    }
    parts.observer?.attemptEnded(ended);
  };
}
