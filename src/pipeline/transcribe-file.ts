import type { AudioLimits, AudioOpener, AudioProbe, StoredAudio } from '../audio/audio.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { LinkedAbort } from '../core/linked-abort.ts';
import { childOnDemand } from '../core/log.ts';
import type { Nanos } from '../core/money.ts';
import { noTracing, type TraceSpan, type Tracing } from '../core/tracing.ts';
import type { Usage } from '../core/usage.ts';
import type { Feature } from '../providers/contract.ts';
import { type AttemptRecord, type Attempts, AttemptsError } from '../routing/attempts.ts';
import { noAttemptError } from '../routing/no-attempt.ts';
import type { Market, RouteAccess, RouteAsk, RoutingPolicy } from '../routing/plan.ts';
import type { Transcript, TranscriptEvent } from '../transcript/transcript.ts';
import { type ChargesParts, createCharges, type OpenChargeFor, type Payer, type Work } from './charges.ts';
import type { CompleteTranscript, DerivedTimes } from './complete-transcript.ts';
import { knownLengths } from './known-lengths.ts';
import { measuredAudio } from './measured-audio.ts';
import { type AccountKeysOf, holdFor, isOwnAlone } from './own-keys.ts';

/** One recording and what is wanted from it. */
export interface TranscribeAsk {
  readonly requestId: string;
  readonly stored: StoredAudio;
  /** As written by the caller. */
  readonly model: string;
  readonly task: 'transcribe' | 'translate';
  /** ISO-639-1; null: find out. */
  readonly language: string | null;
  readonly prompt: string | null;
  readonly temperature: number | null;
  readonly wantWords: boolean;
  /** The reply shows times of words, or cuts subtitles at them; left out: as `wantWords`. Without, segments are enough. */
  readonly needsWords?: boolean;
  readonly wantLogprobs: boolean;
  /** The caller's `traceparent` header, which spans go on from; left out: a trace of its own. */
  readonly traceparent?: string;
  /** The reply consists of the events: once a segment has gone out, no times are added to the answer. Default false. */
  readonly eventsAreReply?: boolean;
  /** What the key allows; left out: everything. */
  readonly access?: RouteAccess;
  /** What the work is charged as, once; left out: the request's own id. */
  readonly chargeKey?: string;
  /** Left out: nobody pays, and nothing is written down. */
  readonly payer?: Payer;
  /** Told the recording's length before anybody pays for it or hears it; what it throws ends the request. Left out: any will do. */
  readonly onLength?: (durationMs: number) => void | Promise<void>;
}

export interface TranscribeOutcome {
  readonly transcript: Transcript;
  readonly usage: Usage;
  readonly probe: AudioProbe;
  /** The model that answered, as a full id. */
  readonly routedModel: string;
  readonly billedMs: number;
  readonly costNanos: Nanos;
  readonly attempts: readonly AttemptRecord[];
  /** Asked for, not delivered. */
  readonly unmet: readonly Feature[];
  /** Times that its model did not give; left out: none. */
  readonly derived?: DerivedTimes;
}

export interface TranscribeFileParts extends ChargesParts {
  readonly audio: AudioOpener;
  readonly audioLimits: AudioLimits;
  /** Providers that decode what they are given, so that a recording may be decoded while it is opened; left out: all. */
  readonly decoders?: ReadonlySet<string>;
  readonly policy: RoutingPolicy;
  /** The market of this moment: what is installed, switched on and healthy. */
  readonly market: () => Market;
  readonly attempts: Attempts;
  /** Left out: accounts have no keys of their own. */
  readonly accountKeysOf?: AccountKeysOf;
  /** Adds what a model does not give; left out: an answer stays as its model gave it. */
  readonly complete?: CompleteTranscript;
  /** Whole-request deadline for audio of this length, in milliseconds. */
  readonly deadlineMs: (durationMs: number) => number;
  readonly tracing?: Tracing;
}

export type TranscribeFile = (
  ask: TranscribeAsk,
  signal: AbortSignal,
  onEvent?: (event: TranscriptEvent) => void,
) => Promise<TranscribeOutcome>;

/** The whole product in seven steps: check the name, open, plan, hold the money, attempt, complete, charge. */
export function createTranscribeFile(parts: TranscribeFileParts): TranscribeFile {
  const { tracing = noTracing } = parts;
  const openCharge = createCharges(parts);
  return async (ask, signal, onEvent) => {
    const span = tracing.start(
      'transcription',
      { 'fluxscribe.request_id': ask.requestId, 'fluxscribe.task': ask.task },
      ask.traceparent === undefined ? null : { traceparent: ask.traceparent },
    );
    try {
      const outcome = await transcribe(parts, openCharge, ask, { signal, span, ...(onEvent && { onEvent }) });
      span.set({ 'fluxscribe.model': outcome.routedModel, 'fluxscribe.attempts': outcome.attempts.length });
      span.end(null);
      return outcome;
    } catch (thrown) {
      span.end(signal.aborted ? 'client_closed_request' : toGatewayError(thrown).code);
      throw thrown;
    }
  };
}

/** Opening a recording may take seconds or nothing: what was open at once is planned with the market of its beginning. */
const marketLifeMs = 5;

interface Surroundings {
  readonly signal: AbortSignal;
  readonly span: TraceSpan;
  readonly onEvent?: (event: TranscriptEvent) => void;
}

async function transcribe(
  parts: TranscribeFileParts,
  openCharge: OpenChargeFor,
  ask: TranscribeAsk,
  { signal, span, onEvent }: Surroundings,
): Promise<TranscribeOutcome> {
  // A request that no model could ever serve is refused before its audio costs anything.
  const { sizeBytes } = ask.stored;
  const startedAtMs = performance.now();
  const market = parts.market();
  const found = ask.payer && parts.accountKeysOf?.(ask.payer.accountId);
  const keys = found instanceof Promise ? await found : found;
  const wish = keys ? { ...ask, own: keys.choice } : ask;
  const outlook = planOrThrow(parts, { ...wish, durationMs: 0, sizeBytes }, market);
  const { providerId } = outlook.opening?.attempt ?? outlook.attempts[0]!;
  const willHear = parts.decoders?.has(providerId) ?? true;
  const audio = measuredAudio(await parts.audio.open(ask.stored, { ...parts.audioLimits, willHear }, signal));
  const isFresh = performance.now() - startedAtMs < marketLifeMs;
  const whole = planOrThrow(
    parts,
    { ...wish, durationMs: audio.probe.durationMs, sizeBytes },
    isFresh ? market : parts.market(),
  );
  span.set({ 'fluxscribe.audio_seconds': audio.probe.durationMs / 1000 });
  const { durationMs } = audio.probe;
  const deadlineMs = parts.deadlineMs(durationMs);
  // Mostly known at once, and then nobody waits.
  const leave = ask.onLength?.(durationMs);
  if (leave) await leave;
  // Before the first byte goes to anybody: who cannot pay is told now.
  const { plan, charge } = await holdFor(whole, (part) =>
    openCharge({
      ...ask,
      payer: ask.payer ?? null,
      pricedName: part.resolvedName ?? part.attempts[0]!.modelId,
      durationMs,
      promptBytes: Buffer.byteLength(ask.prompt ?? ''),
      deadlineMs,
      isOwnAlone: isOwnAlone(part),
    }),
  );
  const deadlineAtMs = performance.now() + deadlineMs;
  const limited = new LinkedAbort(signal);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    limited.abort(new DOMException('The deadline of the request has passed.', 'TimeoutError'));
  }, deadlineMs);
  const log = childOnDemand(parts.log, { requestId: ask.requestId });
  let deliveredMs = 0;
  const toCaller = (event: TranscriptEvent) => {
    if (event.type === 'segment-final') deliveredMs = Math.max(deliveredMs, 1, event.segment.endMs);
    onEvent?.(event);
  };
  let work: Work | null = null;
  try {
    const { answer, attempt, records } = await parts.attempts.run(
      plan,
      { ...ask, audio },
      {
        signal: limited.signal,
        deadlineAtMs,
        log,
        span,
        ...(keys && { own: keys }),
        ...(onEvent && { onEvent: toCaller }),
      },
    );
    const { modelId, providerId, ownKey } = attempt;
    const lengths = knownLengths(durationMs, audio.decodedMs(), answer.vendorDurationMs ?? null);
    work = { attempts: records, modelId, providerId, usage: answer.usage, lengths, ...(ownKey && { ownKey }) };
    if (lengths.disagree) log.warn({ provider: providerId }, 'the lengths of a recording disagree');
    const isHeardHere = parts.decoders?.has(providerId) ?? false;
    const timesAreOut = deliveredMs > 0 && ask.eventsAreReply === true;
    const completed = await parts.complete?.(answer, { ...ask, audio, isHeardHere, timesAreOut }, limited.signal);
    // Who has left by now gets no answer, and pays for none.
    limited.signal.throwIfAborted();
    const { billedMs, costNanos } = await charge.settle(work);
    return {
      transcript: completed?.transcript ?? answer.transcript,
      usage: answer.usage,
      probe: audio.probe,
      routedModel: modelId,
      billedMs,
      costNanos,
      attempts: records,
      unmet: completed?.unmet ?? answer.unmet,
      ...(completed && { derived: completed.derived }),
    };
  } catch (thrown) {
    const error = endOf(thrown, signal.aborted, isLate);
    await charge.fail({
      error: signal.aborted ? new GatewayError('client_closed_request', error.message) : error,
      attempts: thrown instanceof AttemptsError ? thrown.records : (work?.attempts ?? []),
      answered: work,
      deliveredMs: signal.aborted && ask.eventsAreReply ? deliveredMs : 0,
    });
    throw error;
  } finally {
    clearTimeout(timer);
    limited.release();
  }
}

function endOf(thrown: unknown, hasLeft: boolean, isLate: boolean): GatewayError {
  const error = toGatewayError(thrown);
  if (hasLeft || !isLate) return error;
  return new GatewayError('timeout', 'The recording was not transcribed within its deadline.', {
    cause: thrown,
    tried: error.tried,
  });
}

function planOrThrow(parts: TranscribeFileParts, ask: RouteAsk, market: Market) {
  const plan = parts.policy.plan(ask, market);
  if (plan.attempts.length === 0) throw noAttemptError(ask, plan, market);
  return plan;
}
