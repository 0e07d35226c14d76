import { abortError } from '../../audio/decode-task.ts';
import type { SoundCutter, SoundPiece } from '../../audio/sound-cutter.ts';
import { type GatewayError, toGatewayError } from '../../core/errors.ts';
import type { Call, ProviderAnswer, ProviderAsk } from '../../providers/contract.ts';
import type { CallOnce } from '../../routing/attempts-parts.ts';
import { PiecesError } from '../../routing/pieces-error.ts';
import { nextPiece, type PlannedPiece } from './next-piece.ts';
import { placeTranscript, segmentEvents } from './place-transcript.ts';
import type { SpeechAhead } from './speech-ahead.ts';
import { type HeardPiece, stitchPieces } from './stitch-pieces.ts';

export interface PiecesRunParts {
  readonly callOnce: CallOnce;
  readonly cutter: SoundCutter;
  readonly speech: SpeechAhead;
  readonly maxPieceMs: number;
  /** At least 1. */
  readonly maxParallelCalls: number;
  /** Whether the others are to be heard after a piece has failed for good. */
  readonly keepGoing: () => boolean;
  /** For the whole recording. */
  readonly ask: ProviderAsk;
  /** Its signal is also aborted by `stop`. */
  readonly call: Call;
  readonly stop: AbortController;
}

/** What came of a piece; null: it failed for good. */
type Outcome = HeardPiece | null;

/** When so many pieces have failed one after another, the provider is down: asking for the others only takes time. */
const hopelessFailures = 3;

/** One recording on its way through one provider. At most `maxParallelCalls` pieces are sent at a time, and one waits. */
export class PiecesRun {
  readonly #parts: PiecesRunParts;
  readonly #running = new Set<Promise<void>>();
  readonly #outcomes: (Outcome | undefined)[] = [];
  /** Pieces before it have been told. */
  #told = 0;
  #failure: GatewayError | null = null;
  #failuresInRow = 0;
  /** Whether there is more than one piece: known when the second is planned, while the first is being heard. */
  readonly #hasSecond = Promise.withResolvers<boolean>();

  constructor(parts: PiecesRunParts) {
    this.#parts = parts;
  }

  /** Resolves when all pieces are heard. Rejects when no call is under way and no file left. */
  async finish(): Promise<ProviderAnswer> {
    try {
      await this.#sendAll();
    } catch (thrown) {
      // What stopped the run made the cutter fail too; the piece's own failure says more.
      this.#fail(this.#errorOf(thrown));
    }
    // Where the run stopped before that was known.
    this.#hasSecond.resolve(true);
    await Promise.all(this.#running);
    // The last answers may have come with the abort.
    if (this.#parts.call.signal.aborted) this.#failure ??= abortError(this.#parts.call.signal);
    const { ask, speech, call } = this.#parts;
    const { durationMs } = ask.audio.probe;
    const heard = this.#outcomes.flatMap((outcome) => outcome ?? []);
    call.log.info({ pieces: this.#outcomes.length, heard: heard.length }, 'a recording was sent in pieces');
    const { wantWords, wantLogprobs } = ask;
    const whole = { durationMs, speech: speech.spans, wantWords, wantLogprobs };
    if (this.#failure) {
      // What the caller has to put right he is told; a part of the text would hide it.
      const isGivable = heard.length > 0 && this.#failure.next === 'try-other';
      throw new PiecesError(this.#failure, isGivable ? stitchPieces(heard, whole) : null);
    }
    call.onEvent?.({ type: 'progress', processedMs: durationMs, durationMs });
    return stitchPieces(heard, whole);
  }

  /** Cuts the next piece while the ones before it are being heard. */
  async #sendAll(): Promise<void> {
    const { cutter, maxParallelCalls, call } = this.#parts;
    let planned = await this.#plan(0);
    for (let index = 0; planned; index++) {
      const piece = await cutter.cut(planned);
      // The sound is over where the packets promised more.
      if (!piece) return;
      while (this.#running.size >= maxParallelCalls) await Promise.race(this.#running);
      if (call.signal.aborted) {
        await piece.dispose();
        throw abortError(call.signal);
      }
      const sent: Promise<void> = this.#send(piece, index).finally(() => this.#running.delete(sent));
      this.#running.add(sent);
      planned = await this.#plan(piece.endMs);
      if (index === 0) this.#hasSecond.resolve(planned !== null);
    }
  }

  /** The next piece after a time, once all that it may hold has been looked at. */
  async #plan(fromMs: number): Promise<PlannedPiece | null> {
    const { speech, maxPieceMs, ask } = this.#parts;
    const { durationMs } = ask.audio.probe;
    for (;;) {
      const planned = nextPiece(speech.spans, fromMs, durationMs, maxPieceMs);
      if (!planned || speech.knownMs >= Math.min(durationMs, planned.startMs + maxPieceMs)) return planned;
      await speech.goOn();
    }
  }

  /** Never rejects. */
  async #send(piece: SoundPiece, index: number): Promise<void> {
    const { callOnce, ask, call, speech, keepGoing } = this.#parts;
    const { startMs, endMs } = piece;
    try {
      // Pieces are not streamed: their texts wait for one another anyway, and vendors' streams know no times.
      const answer = await callOnce({ ...ask, audio: piece.audio }, { signal: call.signal, log: call.log });
      const isOnly = index === 0 && !(await this.#hasSecond.promise);
      const place = { startMs, endMs, speech: speech.spans, number: isOnly ? null : index + 1 };
      this.#outcomes[index] = {
        ...placeTranscript(answer.transcript, place),
        usage: answer.usage,
        unmet: answer.unmet,
        sentMs: piece.audio.probe.durationMs,
        vendorDurationMs: answer.vendorDurationMs ?? null,
      };
      this.#failuresInRow = 0;
      if (!call.signal.aborted) this.#tell();
    } catch (thrown) {
      this.#outcomes[index] = null;
      this.#failuresInRow++;
      const error = this.#errorOf(thrown);
      const isHopeless = error.next === 'stop' || this.#failuresInRow >= hopelessFailures || call.signal.aborted;
      this.#failure ??= error;
      if (isHopeless || !keepGoing()) this.#fail(error);
      else this.#tell();
    } finally {
      await piece.dispose();
    }
  }

  /** What failed after an abort failed because of that, whatever it says itself. */
  #errorOf(thrown: unknown): GatewayError {
    const { signal } = this.#parts.call;
    return signal.aborted ? abortError(signal) : toGatewayError(thrown);
  }

  /** The first failure is the reason for all that follow. */
  #fail(error: GatewayError): void {
    this.#failure ??= error;
    this.#parts.stop.abort(error);
  }

  /** Tells what no earlier piece holds back any more. */
  #tell(): void {
    const { onEvent } = this.#parts.call;
    const { durationMs } = this.#parts.ask.audio.probe;
    for (let outcome = this.#outcomes[this.#told]; outcome !== undefined; outcome = this.#outcomes[++this.#told]) {
      if (!outcome || !onEvent) continue;
      for (const event of segmentEvents(outcome)) onEvent(event);
      onEvent({ type: 'progress', processedMs: outcome.endMs, durationMs });
    }
  }
}
