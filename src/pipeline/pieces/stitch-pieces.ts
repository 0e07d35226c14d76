import type { SpeechSpan } from '../../audio/audio.ts';
import type { Usage } from '../../core/usage.ts';
import type { ProviderAnswer } from '../../providers/contract.ts';
import { joinTexts, separatorBetween } from '../../transcript/joined-text.ts';
import type { LanguageTag, TokenLogprob, Transcript, Unheard } from '../../transcript/transcript.ts';
import type { PlacedTranscript } from './place-transcript.ts';

/** The answer for one piece, its transcript already in the whole recording's time. */
export interface HeardPiece extends PlacedTranscript {
  readonly usage: Usage;
  readonly unmet: ProviderAnswer['unmet'];
  /** Length of the sound that was sent, in milliseconds. */
  readonly sentMs: number;
  /** The vendor's length of it; null: it told none. */
  readonly vendorDurationMs: number | null;
}

/** The recording that the pieces were cut from. */
export interface WholeRecording {
  readonly durationMs: number;
  /** Where somebody speaks, in time order. */
  readonly speech: readonly SpeechSpan[];
  readonly wantWords: boolean;
  readonly wantLogprobs: boolean;
}

/**
 * The answers of a recording's pieces, in time order, as one answer. Pure. Words and tokens are null as soon as one piece
 * with text lacks them. Where no piece has times of its own there are no segments, as in the answer to one call: whoever
 * finds times for a bare text is not to be held up by a few long ones. Speech that lies in no piece is `unheard`; silence
 * that was not sent counts as heard.
 */
export function stitchPieces(pieces: readonly HeardPiece[], whole: WholeRecording): ProviderAnswer {
  const spoken = pieces.filter((piece) => piece.transcript.text !== '');
  const transcripts = pieces.map((piece) => piece.transcript);
  const missing = notIn(pieces, whole);
  const lists = <Item>(wanted: boolean, of: (transcript: Transcript) => readonly Item[] | null) => {
    const all = spoken.map((piece) => of(piece.transcript));
    return wanted && all.every((one) => one !== null) ? all : null;
  };
  return {
    transcript: {
      text: joinTexts(spoken.map((piece) => piece.transcript.text)),
      language: mostSpoken(spoken),
      durationMs: whole.durationMs,
      segments: spoken.some((piece) => piece.isTimed) ? spoken.flatMap((piece) => piece.transcript.segments) : [],
      words: lists(whole.wantWords, (one) => one.words)?.flat() ?? null,
      tokens: joinTokens(lists(whole.wantLogprobs, (one) => one.tokens)),
      unheard: [...transcripts.flatMap((one) => one.unheard), ...missing].sort(
        (left, right) => left.startMs - right.startMs,
      ),
    },
    usage: sumUsage(pieces, whole.durationMs - missing.reduce((sum, one) => sum + one.endMs - one.startMs, 0)),
    unmet: [...new Set(pieces.flatMap((piece) => piece.unmet))],
    vendorDurationMs: vendorLength(pieces, whole.durationMs),
  };
}

/** Ours, and what the vendor counted more or less of the pieces: silence that was not sent is no disagreement. */
function vendorLength(pieces: readonly HeardPiece[], durationMs: number): number | null {
  let lengthMs = durationMs;
  for (const { vendorDurationMs, sentMs } of pieces) {
    if (vendorDurationMs === null) return null;
    // What is no length must not vanish in a sum.
    if (!Number.isFinite(vendorDurationMs) || vendorDurationMs < 0) return vendorDurationMs;
    lengthMs += vendorDurationMs - sentMs;
  }
  return pieces.length === 0 ? null : lengthMs;
}

/** Shorter than any word: a detector's frame that reaches over the end, a decoder's rounding. */
const shortestMissingMs = 100;

/** From the first to the last speech in each stretch between pieces. */
function notIn(pieces: readonly HeardPiece[], { speech, durationMs }: WholeRecording): Unheard[] {
  const missing: Unheard[] = [];
  const bounds = [
    ...pieces.map(({ startMs, endMs }) => ({ startMs, endMs })),
    { startMs: durationMs, endMs: durationMs },
  ];
  let fromMs = 0;
  for (const { startMs: toMs, endMs } of bounds) {
    const between = speech.filter((span) => Math.min(span.endMs, toMs) > Math.max(span.startMs, fromMs));
    const [first] = between;
    const last = between.at(-1);
    if (first && last) {
      const startMs = Math.round(Math.max(first.startMs, fromMs));
      const lastMs = Math.round(Math.min(last.endMs, toMs));
      if (lastMs - startMs >= shortestMissingMs) missing.push({ startMs, endMs: lastMs });
    }
    fromMs = endMs;
  }
  return missing;
}

function mostSpoken(pieces: readonly HeardPiece[]): LanguageTag | null {
  const msByLanguage = new Map<LanguageTag, number>();
  for (const { language, startMs, endMs } of pieces.flatMap((piece) => piece.transcript.segments)) {
    if (language !== null) msByLanguage.set(language, (msByLanguage.get(language) ?? 0) + endMs - startMs);
  }
  const [first, ...others] = msByLanguage;
  return first ? others.reduce((most, one) => (one[1] > most[1] ? one : most), first)[0] : null;
}

/** A token that follows another piece's gets the space between the two texts, so that all together are still the text. */
function joinTokens(lists: readonly (readonly TokenLogprob[])[] | null): TokenLogprob[] | null {
  if (!lists) return null;
  const joined: TokenLogprob[] = [];
  for (const tokens of lists) {
    const left = joined.at(-1)?.token ?? '';
    const [first, ...others] = tokens;
    if (!first) continue;
    const isApart = left === '' || /\s$/.test(left) || /^\s/.test(first.token);
    const space = isApart ? '' : separatorBetween(left, first.token);
    joined.push(
      space === '' ? first : { ...first, token: ` ${first.token}`, bytes: [0x20, ...first.bytes] },
      ...others,
    );
  }
  return joined;
}

/** Tokens where every piece counts them, otherwise the length of what was heard. */
function sumUsage(pieces: readonly HeardPiece[], heardMs: number): Usage {
  const counted = pieces.flatMap(({ usage }) => (usage.type === 'tokens' ? [usage] : []));
  if (counted.length === 0 || counted.length < pieces.length) return { type: 'duration', durationMs: heardMs };
  const sum = (of: (usage: (typeof counted)[number]) => number) => counted.reduce((total, one) => total + of(one), 0);
  return {
    type: 'tokens',
    inputTokens: sum((one) => one.inputTokens),
    outputTokens: sum((one) => one.outputTokens),
    audioTokens: sum((one) => one.audioTokens),
    textTokens: sum((one) => one.textTokens),
  };
}
