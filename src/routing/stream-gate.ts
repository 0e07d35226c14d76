import type { TranscriptEvent } from '../transcript/transcript.ts';

/**
 * Whose text the caller is being sent. What has been sent cannot be taken back, so from the first segment on only one
 * attempt has the floor, and no other is made.
 */
export class Floor {
  readonly #onEvent: (event: TranscriptEvent) => void;
  #speaker: StreamGate | null = null;
  #processedMs = -1;

  constructor(onEvent: (event: TranscriptEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Whether finished text has gone to the caller. */
  get isTaken(): boolean {
    return this.#speaker !== null;
  }

  isTakenBy(gate: StreamGate): boolean {
    return this.#speaker === gate;
  }

  take(gate: StreamGate): boolean {
    this.#speaker ??= gate;
    return this.#speaker === gate;
  }

  send(event: TranscriptEvent): void {
    if (event.type === 'progress') {
      // The next attempt begins at the beginning; who watches a bar should not see it jump back.
      if (event.processedMs <= this.#processedMs) return;
      this.#processedMs = event.processedMs;
    }
    this.#onEvent(event);
  }
}

/** Letters and digits after which a text is believed to be one: about a sentence, a second or two of delay. */
const trustedCharacters = 40;
/** Words of which at least a third differ; recognisers that loop repeat one or a few. */
const fewestWords = 6;
const leastShareOfDistinctWords = 1 / 3;

/**
 * What one attempt says on its way to the caller. `open`: sent as it comes (nobody else could answer). `until-trusted`:
 * held back until the beginning looks like speech, so that a failure or an answer without sense can still be cured by
 * another; from then on as it comes. `until-kept`: held back until the whole answer has been accepted.
 */
export class StreamGate {
  readonly #floor: Floor;
  readonly #mode: 'open' | 'until-trusted' | 'until-kept';
  readonly #onTaken: () => void;
  #held: TranscriptEvent[] = [];
  #heardText = '';

  constructor(floor: Floor, mode: 'open' | 'until-trusted' | 'until-kept', onTaken: () => void) {
    this.#floor = floor;
    this.#mode = mode;
    this.#onTaken = onTaken;
  }

  /** Its text has begun to go to the caller. */
  get hasFloor(): boolean {
    return this.#floor.isTakenBy(this);
  }

  readonly onEvent = (event: TranscriptEvent): void => {
    if (this.hasFloor) this.#floor.send(event);
    else if (this.#floor.isTaken) return;
    else if (event.type === 'progress') this.#floor.send(event);
    else {
      this.#held.push(event);
      this.#heardText += ` ${event.segment.text}`;
      if (this.#mode === 'open' || (this.#mode === 'until-trusted' && looksLikeSpeech(this.#heardText))) this.release();
    }
  };

  /** The answer is accepted: what was held back goes out, as far as nobody else has the floor. */
  release(): void {
    if (this.#held.length === 0 || !this.#floor.take(this)) return;
    const held = this.#held;
    this.#held = [];
    this.#onTaken();
    for (const event of held) this.#floor.send(event);
  }
}

/** Exported for its test. */
export function looksLikeSpeech(text: string): boolean {
  const characters = text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
  if (characters < trustedCharacters) return false;
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  // Writing without spaces makes few long words: each is then its own.
  return words.length < fewestWords || new Set(words).size >= words.length * leastShareOfDistinctWords;
}
