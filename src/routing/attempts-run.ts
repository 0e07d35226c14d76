import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';
import { AttemptsError, type AttemptsResult, type OpenRecord } from './attempt-record.ts';
import { bestAnswer, saySame } from './best-answer.ts';
import { abortError, isDeadline } from './call-failure.ts';
import {
  type CandidateEnd,
  type CandidateOptions,
  type CandidateRun,
  type CandidateSurroundings,
  type DoubtfulCandidate,
  startCandidate,
} from './candidate-run.ts';
import type { Attempt, Plan } from './plan.ts';
import { Floor } from './stream-gate.ts';

/** An answer that is given only where nobody has a better one. */
interface KeptAnswer extends DoubtfulCandidate {
  readonly run: CandidateRun;
}

/** One request: the opening, then the plan's attempts in order, one after the other or two beside each other. */
export class AttemptsRun {
  readonly #surroundings: CandidateSurroundings;
  readonly #plan: Plan;
  readonly #records: OpenRecord[] = [];
  readonly #running = new Set<CandidateRun>();
  readonly #kept: KeptAnswer[] = [];
  #next = 0;
  #isHedged = false;
  #failure: { readonly error: GatewayError; readonly wasAsked: boolean } | null = null;

  constructor(surroundings: Omit<CandidateSurroundings, 'floor'>, plan: Plan) {
    const { onEvent } = surroundings.call;
    this.#surroundings = { ...surroundings, floor: onEvent ? new Floor(onEvent) : null };
    this.#plan = plan;
  }

  async run(): Promise<AttemptsResult> {
    try {
      return (await this.#open()) ?? (await this.#attempt()) ?? this.#settleForBest();
    } finally {
      for (const one of this.#kept) one.settle('none');
    }
  }

  /** The cheap first pass; null: there is none, or its answer is not kept. */
  async #open(): Promise<AttemptsResult | null> {
    const { opening } = this.#plan;
    if (!opening || !this.#mayGoOn()) return null;
    const run = this.#start(opening.attempt, {
      kind: 'opening',
      hasAlternative: () => true,
      isTimeLimited: this.#isTimeLimited(opening.attempt, this.#plan.attempts),
      gateMode: 'until-kept',
      opening,
    });
    return this.#take(run, await run.end);
  }

  /** null: nobody had an answer that is good enough. */
  async #attempt(): Promise<AttemptsResult | null> {
    if (this.#mayGoOn() && this.#plan.attempts.length > 0) this.#startNext('first');
    while (this.#running.size > 0) {
      const event = await this.#nextEvent();
      if (event === 'hedge') {
        this.#isHedged = true;
        this.#startNext('hedge');
        continue;
      }
      // One that was cancelled while it ended.
      if (!this.#running.has(event.run)) continue;
      const result = this.#take(event.run, event.end);
      if (result) return result;
      if (!this.#mayGoOn()) this.#cancelAllBut(null);
      else if (this.#running.size === 0 && this.#next < this.#plan.attempts.length) this.#startNext('fallback');
    }
    return null;
  }

  #startNext(kind: 'first' | 'fallback' | 'hedge'): void {
    const { attempts } = this.#plan;
    const index = this.#next++;
    const attempt = attempts[index]!;
    const later = attempts.slice(index + 1);
    const hasOthers = () => this.#next < attempts.length || this.#kept.length > 0 || this.#running.size > 1;
    this.#start(attempt, {
      kind,
      hasAlternative: hasOthers,
      isTimeLimited: this.#isTimeLimited(attempt, later),
      gateMode: later.length > 0 || this.#kept.length > 0 || this.#running.size > 0 ? 'until-trusted' : 'open',
    });
  }

  #start(attempt: Attempt, options: Omit<CandidateOptions, 'onFloorTaken'>): CandidateRun {
    const run = startCandidate(this.#surroundings, attempt, {
      ...options,
      onFloorTaken: (taker) => this.#cancelAllBut(taker),
    });
    this.#running.add(run);
    this.#records.push(run.record);
    return run;
  }

  /** Somebody who looks after himself is only hurried for the sake of somebody else. */
  #isTimeLimited({ providerId }: Attempt, later: readonly Attempt[]): boolean {
    const { selfSupervised } = this.#surroundings.parts;
    return selfSupervised?.has(providerId) ? later.some((one) => one.providerId !== providerId) : later.length > 0;
  }

  async #nextEvent(): Promise<'hedge' | { readonly run: CandidateRun; readonly end: CandidateEnd }> {
    const hedgeAfterMs = this.#hedgeAfterMs();
    if (hedgeAfterMs === null && this.#running.size === 1) {
      // Nearly always: nobody to race.
      const [run] = this.#running;
      return { run: run!, end: await run!.end };
    }
    const ends = [...this.#running].map(async (run) => ({ run, end: await run.end }));
    if (hedgeAfterMs === null) return await Promise.race(ends);
    const timer = new AbortController();
    const hedge = sleep(hedgeAfterMs, 'hedge' as const, { signal: timer.signal });
    // Stopped as soon as somebody has ended: then nobody waits for it.
    hedge.catch(() => 'stopped');
    try {
      const event = await Promise.race([...ends, hedge]);
      // Whoever has begun to speak meanwhile is not raced any more.
      return event === 'hedge' && !this.#mayGoOn() ? await Promise.race(ends) : event;
    } finally {
      timer.abort();
    }
  }

  /** null: nobody is to be started beside the one that runs. */
  #hedgeAfterMs(): number | null {
    const { limits, ask } = this.#surroundings;
    if (!limits.hedge || this.#isHedged || this.#running.size !== 1) return null;
    if (this.#next >= this.#plan.attempts.length || !this.#mayGoOn()) return null;
    return Math.round(limits.hedge.baseMs + limits.hedge.perAudioMs * ask.audio.probe.durationMs);
  }

  /** Notes how an attempt ended; its answer, where it is good enough. */
  #take(run: CandidateRun, end: CandidateEnd): AttemptsResult | null {
    this.#running.delete(run);
    if (end.type === 'good') {
      this.#cancelAllBut(null);
      for (const one of this.#kept) one.settle('bad');
      return this.#result(run, end.answer);
    }
    if (end.type === 'doubtful') {
      this.#kept.push({ ...end, run });
      return null;
    }
    // Who was not asked has nothing to say beside one who was.
    if (end.wasAsked || !this.#failure?.wasAsked) this.#failure = sooner(this.#failure, end);
    if (end.partial) this.#kept.push({ answer: end.partial, fault: 'incomplete', settle() {}, run });
    return null;
  }

  /** Whether somebody else may be asked after what has happened so far. */
  #mayGoOn(): boolean {
    const { call, floor } = this.#surroundings;
    return !call.signal.aborted && !floor?.isTaken && this.#failure?.error.next !== 'stop';
  }

  #cancelAllBut(keep: CandidateRun | null): void {
    for (const run of [...this.#running]) {
      if (run === keep) continue;
      this.#running.delete(run);
      run.cancel();
    }
  }

  /** Nobody had a good answer: the best of the others, or the failure. */
  #settleForBest(): AttemptsResult {
    const { call, floor } = this.#surroundings;
    const hasLeft = call.signal.aborted && !isDeadline(call.signal);
    // Once text has gone out, only what goes on with that text can be the answer.
    const givable = floor?.isTaken ? this.#kept.filter(({ run }) => run.gate?.hasFloor) : this.#kept;
    const best = hasLeft ? null : bestAnswer(givable);
    if (!best) {
      const none = () =>
        call.signal.aborted ? abortError(call.signal) : new GatewayError('server_error', 'The plan has no attempt.');
      const error = this.#failure?.error ?? none();
      throw new AttemptsError(error, this.#read());
    }
    // What all hear alike is in the recording: the one that was asked first may say it, and nobody is to blame.
    const isAgreed = this.#failure === null && saySame(this.#kept);
    const chosen = isAgreed ? this.#kept[0]! : best;
    if (isAgreed) for (const one of this.#kept) one.settle('good');
    return this.#result(chosen.run, chosen.answer);
  }

  #result(run: CandidateRun, answer: AttemptsResult['answer']): AttemptsResult {
    run.gate?.release();
    run.record.answers();
    return { answer, attempt: run.attempt, records: this.#read() };
  }

  #read(): AttemptsResult['records'] {
    return this.#records.map((one) => one.read());
  }
}

type Failure = Extract<CandidateEnd, { readonly type: 'failed' }>;

/** The later failure, but where both were not asked, the one that may be asked sooner. */
function sooner(known: { error: GatewayError; wasAsked: boolean } | null, end: Failure): typeof known {
  if (!known || end.wasAsked) return end;
  return (known.error.retryAfterSeconds ?? 0) <= (end.error.retryAfterSeconds ?? 0) ? known : end;
}
