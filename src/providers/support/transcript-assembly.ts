import { joinTexts } from '../../transcript/joined-text.ts';
import type { LanguageTag, Segment, Span, TokenLogprob, Transcript, Word } from '../../transcript/transcript.ts';

/** A piece of text as a vendor gives it, times already in milliseconds. */
export interface VendorSpan {
  readonly text: string;
  readonly startMs: number | null;
  /** null: up to the next one. */
  readonly endMs: number | null;
  /** The vendor's own name or number of the speaker; null: not told apart. */
  readonly speaker?: string | number | null | undefined;
  /** 0..1; null: unknown. */
  readonly confidence?: number | null | undefined;
}

export interface VendorSegment extends VendorSpan {
  readonly language?: LanguageTag | null;
  readonly avgLogprob?: number | null;
  readonly noSpeechProbability?: number | null;
  readonly tokens?: readonly number[];
}

export interface VendorTranscript {
  /** null: it is the segments' (or words') text. */
  readonly text: string | null;
  readonly language: LanguageTag | null;
  /** Measured by us, not by the vendor. */
  readonly durationMs: number;
  /** Empty: made out of the words where there are any. */
  readonly segments: readonly VendorSegment[];
  /** null: the vendor gave none. */
  readonly words: readonly VendorSpan[] | null;
  readonly tokens?: readonly TokenLogprob[] | null;
  /** Speakers keep the vendor's names, because the caller gave them. Otherwise they become `A`, `B`, … */
  readonly keepSpeakerNames?: boolean;
}

/**
 * A vendor's pieces as our transcript: in time order, inside the recording, starts rising, one speaker's spans not
 * overlapping, speakers named by first appearance. Pieces without text or without a start are left out of the lists.
 */
export function assembleTranscript(vendor: VendorTranscript): Transcript {
  const nameOf = vendor.keepSpeakerNames ? keptName : speakerNames();
  const timedWords = vendor.words && inOrder(vendor.words, vendor.durationMs).map((one): Word => toSpan(one, nameOf));
  // An empty list beside a text says that the vendor has no times, not that nobody spoke.
  const isSilence = (vendor.text ?? '').trim() === '' && vendor.segments.length === 0;
  const words = timedWords?.length === 0 && !isSilence ? null : timedWords;
  const segments =
    vendor.segments.length > 0 || !words
      ? inOrder(vendor.segments, vendor.durationMs).map((one) => toSegment(one, nameOf))
      : segmentsOfWords(words, vendor.language);
  return {
    text: (vendor.text ?? joinTexts(segments.map((one) => one.text))).trim(),
    language: vendor.language,
    durationMs: vendor.durationMs,
    segments,
    words,
    tokens: vendor.tokens ?? null,
    unheard: [],
  };
}

/** A pause of this length ends a segment, whatever the punctuation says; as the embedded engine does it. */
const segmentPauseMs = 1_000;
const longestSegmentMs = 15_000;
const sentenceEnd = /[.!?…。！？]["'”’)\]]*$/u;

/** Words as segments: one ends with a sentence, a pause of a second, another speaker, or after 15 s. */
export function segmentsOfWords(words: readonly Word[], language: LanguageTag | null): Segment[] {
  const groups: Word[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const last = group?.at(-1);
    const begins =
      !first ||
      !last ||
      sentenceEnd.test(last.text) ||
      word.startMs - last.endMs >= segmentPauseMs ||
      word.endMs - first.startMs > longestSegmentMs ||
      word.speaker !== last.speaker;
    if (begins) groups.push([word]);
    else group?.push(word);
  }
  return groups.map((group): Segment => {
    const sure = group.flatMap((word) => word.confidence ?? []);
    return {
      text: joinTexts(group.map((word) => word.text)),
      startMs: group[0]!.startMs,
      endMs: Math.max(...group.map((word) => word.endMs)),
      speaker: group[0]!.speaker,
      confidence: sure.length === 0 ? null : sure.reduce((sum, one) => sum + one, 0) / sure.length,
      language,
      avgLogprob: null,
      noSpeechProbability: null,
      tokens: [],
    };
  });
}

type Timed<Piece extends VendorSpan> = Piece & { readonly startMs: number; readonly endMs: number };

function inOrder<Piece extends VendorSpan>(pieces: readonly Piece[], durationMs: number): Timed<Piece>[] {
  const timed = pieces
    .flatMap((piece) => {
      const { startMs, endMs } = piece;
      const text = piece.text.trim();
      if (text === '' || startMs === null || !Number.isFinite(startMs)) return [];
      return [{ ...piece, text, startMs, endMs: endMs !== null && Number.isFinite(endMs) ? endMs : null }];
    })
    .sort((left, right) => left.startMs - right.startMs);
  const placed: Timed<Piece>[] = [];
  for (const [index, piece] of timed.entries()) {
    const before = placed.at(-1);
    const startMs = within(Math.round(piece.startMs), before ? before.startMs + 1 : 0, durationMs);
    const endMs = within(Math.round(piece.endMs ?? timed[index + 1]?.startMs ?? durationMs), startMs, durationMs);
    // Two speakers may talk at once; one cannot.
    if (before && before.speaker === piece.speaker && before.endMs > startMs) {
      placed[placed.length - 1] = { ...before, endMs: startMs };
    }
    placed.push({ ...piece, startMs, endMs });
  }
  return placed;
}

/** The upper bound wins: nothing lies behind the end of the recording. */
function within(value: number, lowest: number, highest: number): number {
  return Math.min(highest, Math.max(lowest, value));
}

type NameOf = (speaker: string | number) => string;

function toSpan(piece: Timed<VendorSpan>, nameOf: NameOf): Span {
  const { text, startMs, endMs, speaker, confidence } = piece;
  return {
    text,
    startMs,
    endMs,
    speaker: speaker === null || speaker === undefined ? null : nameOf(speaker),
    confidence:
      confidence === null || confidence === undefined || !Number.isFinite(confidence) ? null : within(confidence, 0, 1),
  };
}

function toSegment(piece: Timed<VendorSegment>, nameOf: NameOf): Segment {
  return {
    ...toSpan(piece, nameOf),
    language: piece.language ?? null,
    avgLogprob: piece.avgLogprob ?? null,
    noSpeechProbability: piece.noSpeechProbability ?? null,
    tokens: piece.tokens ?? [],
  };
}

function keptName(speaker: string | number): string {
  return String(speaker);
}

/** `A`, `B`, … `Z`, `AA`, … in order of first appearance. */
export function speakerNames(): NameOf {
  const names = new Map<string, string>();
  return (speaker) => {
    const known = names.get(String(speaker));
    if (known !== undefined) return known;
    let name = '';
    for (let rest = names.size; rest >= 0; rest = Math.floor(rest / 26) - 1) {
      name = String.fromCharCode(65 + (rest % 26)) + name;
    }
    names.set(String(speaker), name);
    return name;
  };
}
