import type { AudioLimits, AudioOpener, AudioProbe, StoredAudio } from '../audio/audio.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { LinkedAbort } from '../core/linked-abort.ts';
import { childOnDemand, type Log } from '../core/log.ts';
import type { Nanos } from '../core/money.ts';
import { unpinnedName } from '../core/pinned-name.ts';
import { noTracing, type TraceSpan, type Tracing } from '../core/tracing.ts';
import type { Usage } from '../core/usage.ts';
import { chargeFor, type PriceBook } from '../metering/price-book.ts';
import type { Feature } from '../providers/contract.ts';
import type { AttemptRecord, Attempts } from '../routing/attempts.ts';
import { noAttemptError } from '../routing/no-attempt.ts';
import type { Market, RouteAccess, RouteAsk, RoutingPolicy } from '../routing/plan.ts';
import type { Transcript, TranscriptEvent } from '../transcript/transcript.ts';
import type { CompleteTranscript, DerivedTimes } from './complete-transcript.ts';

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

export interface TranscribeFileParts {
  readonly audio: AudioOpener;
  readonly audioLimits: AudioLimits;
  /** Providers that decode what they are given, so that a recording may be decoded while it is opened; left out: all. */
  readonly decoders?: ReadonlySet<string>;
  readonly policy: RoutingPolicy;
  /** The market of this moment: what is installed, switched on and healthy. */
  readonly market: () => Market;
  readonly attempts: Attempts;
  /** Adds what a model does not give; left out: an answer stays as its model gave it. */
  readonly complete?: CompleteTranscript;
  readonly prices: PriceBook;
  readonly log: Log;
  /** Whole-request deadline for audio of this length, in milliseconds. */
  readonly deadlineMs: (durationMs: number) => number;
  readonly tracing?: Tracing;
}

export type TranscribeFile = (
  ask: TranscribeAsk,
  signal: AbortSignal,
  onEvent?: (event: TranscriptEvent) => void,
) => Promise<TranscribeOutcome>;

/** The whole product in six steps: check the name, open, plan, attempt, complete, charge. */
export function createTranscribeFile(parts: TranscribeFileParts): TranscribeFile {
  const { tracing = noTracing } = parts;
  return async (ask, signal, onEvent) => {
    const span = tracing.start(
      'transcription',
      { 'fluxscribe.request_id': ask.requestId, 'fluxscribe.task': ask.task },
      ask.traceparent === undefined ? null : { traceparent: ask.traceparent },
    );
    try {
      const outcome = await transcribe(parts, ask, { signal, span, ...(onEvent && { onEvent }) });
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
  ask: TranscribeAsk,
  { signal, span, onEvent }: Surroundings,
): Promise<TranscribeOutcome> {
  // A request that no model could ever serve is refused before its audio costs anything.
  const { sizeBytes } = ask.stored;
  const startedAtMs = performance.now();
  const market = parts.market();
  const outlook = planOrThrow(parts, { ...ask, durationMs: 0, sizeBytes }, market);
  const { providerId } = outlook.opening?.attempt ?? outlook.attempts[0]!;
  const willHear = parts.decoders?.has(providerId) ?? true;
  const audio = await parts.audio.open(ask.stored, { ...parts.audioLimits, willHear }, signal);
  const isFresh = performance.now() - startedAtMs < marketLifeMs;
  const plan = planOrThrow(
    parts,
    { ...ask, durationMs: audio.probe.durationMs, sizeBytes },
    isFresh ? market : parts.market(),
  );
  span.set({ 'fluxscribe.audio_seconds': audio.probe.durationMs / 1000 });
  const deadlineMs = parts.deadlineMs(audio.probe.durationMs);
  const deadlineAtMs = performance.now() + deadlineMs;
  const limited = new LinkedAbort(signal);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    limited.abort(new DOMException('The deadline of the request has passed.', 'TimeoutError'));
  }, deadlineMs);
  const log = childOnDemand(parts.log, { requestId: ask.requestId });
  let hasBegun = false;
  const toCaller = (event: TranscriptEvent) => {
    if (event.type === 'segment-final') hasBegun = true;
    onEvent?.(event);
  };
  try {
    const { answer, attempt, records } = await parts.attempts.run(
      plan,
      { ...ask, audio },
      { signal: limited.signal, deadlineAtMs, log, span, ...(onEvent && { onEvent: toCaller }) },
    );
    const isHeardHere = parts.decoders?.has(attempt.providerId) ?? false;
    const timesAreOut = hasBegun && ask.eventsAreReply === true;
    const completed = await parts.complete?.(answer, { ...ask, audio, isHeardHere, timesAreOut }, limited.signal);
    const name = plan.resolvedName ?? attempt.modelId;
    // Another model's tokens are other tokens: they are not charged at this one's rates.
    const counted = [attempt.modelId, unpinnedName(attempt.modelId)].includes(name) ? answer.usage : null;
    const charge = chargeFor(parts.prices.priceOf(name), audio.probe.durationMs, counted);
    return {
      transcript: completed?.transcript ?? answer.transcript,
      usage: answer.usage,
      probe: audio.probe,
      routedModel: attempt.modelId,
      billedMs: charge.billedMs,
      costNanos: charge.costNanos,
      attempts: records,
      unmet: completed?.unmet ?? answer.unmet,
      ...(completed && { derived: completed.derived }),
    };
  } catch (thrown) {
    if (isLate && !signal.aborted) {
      const { tried } = toGatewayError(thrown);
      throw new GatewayError('timeout', 'The recording was not transcribed within its deadline.', {
        cause: thrown,
        tried,
      });
    }
    throw thrown;
  } finally {
    clearTimeout(timer);
    limited.release();
  }
}

function planOrThrow(parts: TranscribeFileParts, ask: RouteAsk, market: Market) {
  const plan = parts.policy.plan(ask, market);
  if (plan.attempts.length === 0) throw noAttemptError(ask, plan, market);
  return plan;
}
