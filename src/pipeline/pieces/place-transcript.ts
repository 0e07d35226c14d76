import type { SpeechSpan } from '../../audio/audio.ts';
import type { Segment, Span, TokenLogprob, Transcript, TranscriptEvent, Unheard } from '../../transcript/transcript.ts';

/** Where a piece lies in the whole recording, in milliseconds, and what of it is speech. */
export interface PiecePlace {
  readonly startMs: number;
  readonly endMs: number;
  /** All speech of the recording, in time order. */
  readonly speech: readonly SpeechSpan[];
  /** Counted from 1; null: it is the only piece. */
  readonly number: number | null;
}

/** A piece's transcript in the whole recording's time. */
export interface PlacedTranscript {
  readonly startMs: number;
  readonly endMs: number;
  readonly transcript: Transcript;
  /** Whether the times of its segments are the model's; otherwise they are all that is known of a bare text. */
  readonly isTimed: boolean;
}

/**
 * Moves a piece's transcript to its place in the whole recording. Pure. Starts rise and nothing leaves the piece, so
 * pieces in order are a recording in order.
 *
 * - Speakers were told apart within the piece alone: `A` of the third piece may be anybody of the first. They become `3A`,
 *   so that no two pieces claim the same person. Names that callers gave mean the same person everywhere and stay.
 * - A text without times becomes one segment from the first to the last speech of the piece.
 */
export function placeTranscript(transcript: Transcript, place: PiecePlace): PlacedTranscript {
  const { startMs, endMs } = place;
  const segments = transcript.segments.length > 0 ? transcript.segments : wholeAsSegment(transcript, place);
  return {
    startMs,
    endMs,
    isTimed: transcript.segments.length > 0,
    transcript: {
      ...transcript,
      segments: inOrder(segments, place).map(
        (one): Segment => ({ ...one, language: one.language ?? transcript.language }),
      ),
      words: transcript.words && inOrder(transcript.words, place),
      unheard: transcript.unheard.map(
        (one): Unheard => ({
          startMs: Math.min(endMs, one.startMs + startMs),
          endMs: Math.min(endMs, one.endMs + startMs),
        }),
      ),
    },
  };
}

/** The segments of a placed transcript as events, each with its own words and tokens. */
export function* segmentEvents({ transcript }: PlacedTranscript): Generator<TranscriptEvent> {
  const { segments, words, tokens } = transcript;
  let word = 0;
  let token = 0;
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    const firstWord = word;
    while (words && word < words.length && (!next || words[word]!.startMs < next.startMs)) word++;
    const firstToken = token;
    if (tokens) token = next ? endOfText(tokens, firstToken, segment.text) : tokens.length;
    yield {
      type: 'segment-final',
      segment,
      words: words?.slice(firstWord, word) ?? null,
      tokens: tokens?.slice(firstToken, token) ?? null,
    };
  }
}

/** The first token after those that make up a text; spaces do not count, they are between segments too. */
function endOfText(tokens: readonly TokenLogprob[], from: number, text: string): number {
  const wanted = text.replaceAll(/\s/g, '').length;
  let length = 0;
  let index = from;
  for (; index < tokens.length && length < wanted; index++) length += tokens[index]!.token.replaceAll(/\s/g, '').length;
  return index;
}

function inOrder<Piece extends Span>(spans: readonly Piece[], { startMs, endMs, number }: PiecePlace): Piece[] {
  let earliestMs = startMs;
  return spans.map((span) => {
    const spanStartMs = Math.min(endMs, Math.max(earliestMs, span.startMs + startMs));
    earliestMs = spanStartMs + 1;
    return {
      ...span,
      startMs: spanStartMs,
      endMs: Math.min(endMs, Math.max(spanStartMs, span.endMs + startMs)),
      speaker: speakerOf(span.speaker, number),
    };
  });
}

/** Names that providers' adapters gave in order of appearance. */
const madeUpName = /^[A-Z]{1,2}$/;

function speakerOf(speaker: string | null, number: number | null): string | null {
  return speaker !== null && number !== null && madeUpName.test(speaker) ? `${number}${speaker}` : speaker;
}

function wholeAsSegment({ text, language }: Transcript, { startMs, endMs, speech }: PiecePlace): Segment[] {
  if (text === '') return [];
  const within = speech.filter((span) => Math.min(span.endMs, endMs) > Math.max(span.startMs, startMs));
  return [
    {
      text,
      startMs: Math.round(Math.max(startMs, within[0]?.startMs ?? startMs)) - startMs,
      endMs: Math.round(Math.min(endMs, within.at(-1)?.endMs ?? endMs)) - startMs,
      language,
      speaker: null,
      confidence: null,
      avgLogprob: null,
      noSpeechProbability: null,
      tokens: [],
    },
  ];
}
