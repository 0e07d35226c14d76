import { z } from 'zod';
import type { Segment, Transcript, TranscriptEvent, Word } from '../../transcript/transcript.ts';
import { assembleTranscript, type VendorSpan } from '../support/transcript-assembly.ts';
import { nonsense } from '../support/vendor-failure.ts';
import { parseVendorJson } from '../support/vendor-json.ts';
import { languageCodeOf, msOfSeconds } from '../support/vendor-times.ts';
import { fluxFailure } from './errors.ts';

const turnInfoSchema = z.object({
  type: z.literal('TurnInfo'),
  event: z.string(),
  turn_index: z.number().int().nonnegative(),
  audio_window_start: z.number(),
  audio_window_end: z.number(),
  transcript: z.string(),
  words: z
    .array(
      z.object({
        word: z.string(),
        confidence: z.number().nullish(),
        start: z.number().nullish(),
        end: z.number().nullish(),
      }),
    )
    .nullish(),
  languages: z.array(z.string()).nullish(),
});
type TurnInfo = z.output<typeof turnInfoSchema>;

const errorSchema = z.object({ type: z.literal('Error'), code: z.string() });
const anyMessageSchema = z.object({ type: z.string() });

/** A recording of this many turns (over one a second for five hours) is not speech but a stream gone wrong. */
const mostTurns = 20_000;

interface Turn {
  readonly info: TurnInfo;
  readonly segments: readonly Segment[];
  readonly words: readonly Word[] | null;
}

export interface FluxTurnsOptions {
  readonly durationMs: number;
  /** Used where the vendor names none. */
  readonly knownLanguage: string | null;
  readonly wantWords: boolean;
  /** Called for every turn that ended, and for what was heard so far. */
  readonly onEvent?: ((event: TranscriptEvent) => void) | undefined;
}

/** What a Flux stream says, put together: the pure half of a session. */
export interface FluxTurns {
  /** One text frame. Throws GatewayError: `bad_gateway` for nonsense, and whatever an `Error` message means. */
  accept(text: string): void;
  /** How far into the recording the vendor has heard, in milliseconds. */
  readonly heardMs: number;
  /**
   * Call once after the stream has ended: after `CloseStream` there is no last `EndOfTurn`, so a turn that is still open
   * counts with its last text.
   */
  finish(): { readonly transcript: Transcript; readonly hasWordTimes: boolean };
}

export function createFluxTurns(options: FluxTurnsOptions): FluxTurns {
  const turns: Turn[] = [];
  const ended = new Set<number>();
  let open: TurnInfo | null = null;
  let heardMs = 0;

  function end(info: TurnInfo): void {
    ended.add(info.turn_index);
    open = null;
    if (info.transcript.trim() === '') return;
    if (turns.length >= mostTurns) throw nonsense('has more turns than any recording');
    const turn = toTurn(info, options);
    turns.push(turn);
    for (const segment of turn.segments) {
      options.onEvent?.({
        type: 'segment-final',
        segment,
        words: options.wantWords ? turn.words && wordsIn(turn, segment) : null,
        tokens: null,
      });
    }
  }

  return {
    get heardMs() {
      return heardMs;
    },
    accept(text) {
      const { type } = parseVendorJson(text, anyMessageSchema);
      if (type === 'Error') throw fluxFailure(parseVendorJson(text, errorSchema).code);
      // `Connected` and whatever comes to exist say nothing about the words.
      if (type !== 'TurnInfo') return;
      const info = parseVendorJson(text, turnInfoSchema);
      const nowMs = Math.min(options.durationMs, msOfSeconds(info.audio_window_end) ?? 0);
      if (!ended.has(info.turn_index)) {
        // A turn that was never ended, although the next one began: its words were heard all the same.
        if (open && open.turn_index !== info.turn_index) end(open);
        if (info.event === 'EndOfTurn') end(info);
        else open = info;
      }
      if (nowMs > heardMs) {
        heardMs = nowMs;
        options.onEvent?.({ type: 'progress', processedMs: heardMs, durationMs: options.durationMs });
      }
    },
    finish() {
      if (open) end(open);
      const hasWordTimes = turns.every((turn) => turn.words !== null);
      const language = mostSpoken(turns);
      const transcript = assembleTranscript({
        text: null,
        language,
        durationMs: options.durationMs,
        segments: turns.flatMap((turn) => turn.segments),
        words: options.wantWords && hasWordTimes ? turns.flatMap((turn) => turn.words ?? []) : null,
      });
      options.onEvent?.({ type: 'progress', processedMs: options.durationMs, durationMs: options.durationMs });
      return { transcript, hasWordTimes };
    },
  };
}

/** A turn's words as segments; the turn as one segment where words have no times or do not make up its text. */
function toTurn(info: TurnInfo, { durationMs, knownLanguage }: FluxTurnsOptions): Turn {
  const language = languageCodeOf(info.languages?.[0]) ?? knownLanguage;
  const spans = (info.words ?? []).map(
    (one): VendorSpan => ({
      text: one.word,
      startMs: msOfSeconds(one.start),
      endMs: msOfSeconds(one.end),
      confidence: one.confidence,
    }),
  );
  const timed = spans.length > 0 && spans.every((one) => one.startMs !== null && one.endMs !== null);
  const complete = withoutSpace(spans.map((one) => one.text).join('')) === withoutSpace(info.transcript);
  const sure = spans.flatMap((one) => one.confidence ?? []);
  const whole = {
    text: info.transcript,
    startMs: spans[0]?.startMs ?? msOfSeconds(info.audio_window_start) ?? 0,
    endMs: spans.at(-1)?.endMs ?? msOfSeconds(info.audio_window_end),
    language,
    confidence: sure.length === 0 ? null : sure.reduce((sum, one) => sum + one, 0) / sure.length,
  };
  const { segments, words } = assembleTranscript({
    text: null,
    language,
    durationMs,
    segments: timed && complete ? [] : [whole],
    words: timed ? spans : null,
  });
  return { info, segments, words };
}

/** Segments begin with their first word, so a word belongs to the last one that begins before it. */
function wordsIn({ segments, words }: Turn, segment: Segment): readonly Word[] {
  const next = segments[segments.indexOf(segment) + 1];
  return (words ?? []).filter(
    (word) => (segment === segments[0] || word.startMs >= segment.startMs) && (!next || word.startMs < next.startMs),
  );
}

function mostSpoken(turns: readonly Turn[]): string | null {
  const msByLanguage = new Map<string, number>();
  for (const { language, startMs, endMs } of turns.flatMap((turn) => turn.segments)) {
    if (language !== null) msByLanguage.set(language, (msByLanguage.get(language) ?? 0) + endMs - startMs);
  }
  const [first, ...others] = msByLanguage;
  return first ? others.reduce((most, one) => (one[1] > most[1] ? one : most), first)[0] : null;
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s+/gu, '');
}
