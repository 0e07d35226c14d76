import type { Audio, KnownStretch, SpeechFinder, SpeechSpan, TextAligner } from '../audio/audio.ts';
import { toGatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { spreadWords } from '../core/spread-words.ts';
import type { Feature, ProviderAnswer } from '../providers/contract.ts';
import { assembleStretch } from '../transcript/heard-words.ts';
import { type SplitWord, splitWords } from '../transcript/split-words.ts';
import type { Segment, Transcript, Word } from '../transcript/transcript.ts';
import { unheardSpeech } from './quality/unheard-speech.ts';
import { writtenLanguage } from './quality/written-language.ts';

/** How times came about that the model did not give: followed in the sound, or shared out over the detected speech. */
export type Derivation = 'aligned' | 'estimated';

/** What of a transcript is ours and not the model's; left out: the model's own, or not there. */
export interface DerivedTimes {
  readonly words?: Derivation;
  readonly segments?: Derivation;
}

export interface CompletionAsk {
  readonly audio: Audio;
  readonly task: 'transcribe' | 'translate';
  /** ISO-639-1 as named by the caller; null: it was to be found out. */
  readonly language: string | null;
  /** Times are wanted at all. */
  readonly wantWords: boolean;
  /** Those of words, too; left out: they are. */
  readonly needsWords?: boolean;
  /** The answer's provider has searched the sound for speech itself, and said what it could not write down. */
  readonly isHeardHere?: boolean;
  /** Segments have gone to the caller already: times that come now would contradict them. */
  readonly timesAreOut?: boolean;
}

export interface CompletedAnswer {
  readonly transcript: Transcript;
  readonly unmet: readonly Feature[];
  readonly derived: DerivedTimes;
}

/** Adds what a model's answer lacks. Never rejects: what cannot be followed is estimated. */
export type CompleteTranscript = (
  answer: Pick<ProviderAnswer, 'transcript' | 'unmet'>,
  ask: CompletionAsk,
  signal: AbortSignal,
) => Promise<CompletedAnswer>;

export interface CompletionParts {
  readonly aligner: TextAligner;
  readonly speech: SpeechFinder;
  readonly log: Log;
}

/**
 * Gives every model's text what it lacks: word of speech that it says nothing about, where it is empty or stops early, and
 * the times that the reply needs and its model did not give. Times of words come from following
 * the text in the sound, those of segments from its sentences; segments that the model timed are kept, and words stay inside
 * them. Words get no confidence: ours is calibrated for texts of our own models alone.
 */
export function createCompleteTranscript(parts: CompletionParts): CompleteTranscript {
  return async ({ transcript: given, unmet }, ask, signal) => {
    const isSearched = ask.isHeardHere || given.unheard.length > 0;
    const unheard = isSearched ? given.unheard : await unheardSpeech(parts, given, ask.audio, signal);
    const transcript = unheard.length === given.unheard.length ? given : { ...given, unheard };
    if (!ask.wantWords || ask.timesAreOut) return { transcript, unmet, derived: {} };
    // A translation does not follow the sound word by word; its sentences get their times all the same.
    const wantsWords = (ask.needsWords ?? true) && ask.task === 'transcribe';
    const completed = await complete(parts, transcript, { ...ask, wantsWords }, signal);
    return { ...completed, unmet: stillUnmet(unmet, completed.transcript) };
  };
}

interface Wish extends CompletionAsk {
  readonly wantsWords: boolean;
}

type Completed = Omit<CompletedAnswer, 'unmet'>;

async function complete(
  parts: CompletionParts,
  transcript: Transcript,
  ask: Wish,
  signal: AbortSignal,
): Promise<Completed> {
  const { segments, words } = transcript;
  if (transcript.text === '') {
    return { transcript: { ...transcript, words: words ?? (ask.wantsWords ? [] : null) }, derived: {} };
  }
  if (segments.length > 0) {
    if (words !== null || !ask.wantsWords) return { transcript, derived: {} };
    return completeWords(parts, transcript, ask, signal);
  }
  return completeSegments(parts, transcript, ask, signal);
}

/** Words for segments that have times. */
async function completeWords(
  parts: CompletionParts,
  transcript: Transcript,
  ask: Wish,
  signal: AbortSignal,
): Promise<Completed> {
  const language = languageOf(transcript, ask);
  const split = transcript.segments.map((segment) => splitWords(segment.text, segment.language ?? language));
  const texts = split.flat().map((word) => word.text);
  const stretches = transcript.segments.map(({ startMs, endMs }, index): KnownStretch => {
    return { startMs, endMs, wordCount: split[index]!.length };
  });
  const aligned = await align(parts, { words: texts, language, stretches }, ask, signal);
  const times = aligned ?? (await estimateWithin(parts, split, transcript.segments, ask, signal));
  const words: Word[] = [];
  let at = 0;
  for (const [index, segment] of transcript.segments.entries()) {
    const own = times.slice(at, at + split[index]!.length);
    at += own.length;
    words.push(...within(segment, split[index]!, own));
  }
  return { transcript: { ...transcript, words }, derived: { words: aligned ? 'aligned' : 'estimated' } };
}

/** Words and segments for a bare text. */
async function completeSegments(
  parts: CompletionParts,
  transcript: Transcript,
  ask: Wish,
  signal: AbortSignal,
): Promise<Completed> {
  const language = languageOf(transcript, ask);
  const { durationMs } = transcript;
  const split = splitWords(transcript.text, language);
  const texts = split.map((word) => word.text);
  const aligned =
    ask.task === 'translate' ? null : await align(parts, { words: texts, language, stretches: null }, ask, signal);
  const times = aligned ?? spreadWords(texts, await speechIn(parts, ask, signal));
  const { segments, words } = assembleStretch(
    {
      words: split.map((word, index) => {
        const { startMs, endMs } = times[index] ?? { startMs: 0, endMs: durationMs };
        return { ...word, startMs, endMs, tokens: [], confidence: null };
      }),
      startMs: 0,
      endMs: durationMs,
      speechProbability: null,
      language: transcript.language,
    },
    0,
  );
  const by: Derivation = aligned ? 'aligned' : 'estimated';
  const shown = ask.wantsWords && words ? words.map((word) => clampedTo(word, 0, durationMs)) : null;
  return {
    transcript: {
      ...transcript,
      segments: segments.map((segment) => clampedTo(segment, 0, durationMs)),
      words: shown,
    },
    derived: { ...(shown && { words: by }), segments: by },
  };
}

/** null: nobody here can follow the text, or it could not be done now. */
async function align(
  { aligner, log }: CompletionParts,
  text: Parameters<TextAligner['align']>[1],
  { audio }: Wish,
  signal: AbortSignal,
): Promise<readonly SpeechSpan[] | null> {
  try {
    return await aligner.align(audio, text, signal);
  } catch (thrown) {
    log.warn({ code: toGatewayError(thrown).code }, 'word times could not be followed in the sound');
    return null;
  }
}

/** Where somebody speaks; the whole recording where that cannot be found out, or where nobody does. */
async function speechIn(
  { speech, log }: CompletionParts,
  { audio }: Wish,
  signal: AbortSignal,
): Promise<readonly SpeechSpan[]> {
  const whole = [{ startMs: 0, endMs: audio.probe.durationMs }];
  try {
    const spans = await speech.find(audio, signal);
    return spans.length > 0 ? spans : whole;
  } catch (thrown) {
    log.warn({ code: toGatewayError(thrown).code }, 'speech could not be found for word times');
    return whole;
  }
}

/** The words of each segment over the speech that is in it. */
async function estimateWithin(
  parts: CompletionParts,
  split: readonly (readonly SplitWord[])[],
  segments: readonly Segment[],
  ask: Wish,
  signal: AbortSignal,
): Promise<readonly SpeechSpan[]> {
  const spans = await speechIn(parts, ask, signal);
  return segments.flatMap((segment, index) => {
    const inside = spans.flatMap((span) => {
      const startMs = Math.max(span.startMs, segment.startMs);
      const endMs = Math.min(span.endMs, segment.endMs);
      return endMs > startMs ? [{ startMs, endMs }] : [];
    });
    return spreadWords(
      split[index]!.map((word) => word.text),
      inside.length > 0 ? inside : [segment],
    );
  });
}

/** Words inside their segment, none before the end of the one before it. */
function within(segment: Segment, words: readonly SplitWord[], times: readonly SpeechSpan[]): Word[] {
  let lastMs = segment.startMs;
  return words.map(({ text }, index) => {
    const { startMs, endMs } = times[index] ?? segment;
    const word = { text, startMs, endMs, speaker: segment.speaker, confidence: null };
    const placed = clampedTo(word, lastMs, segment.endMs);
    lastMs = placed.endMs;
    return placed;
  });
}

function clampedTo<Timed extends SpeechSpan>(span: Timed, fromMs: number, toMs: number): Timed {
  const startMs = Math.min(toMs, Math.max(fromMs, Math.round(span.startMs)));
  return { ...span, startMs, endMs: Math.min(toMs, Math.max(startMs, Math.round(span.endMs))) };
}

/** What is spoken, as far as anybody says or the text shows. */
function languageOf({ language, text }: Transcript, ask: CompletionAsk): string | null {
  return language ?? ask.language ?? writtenLanguage(text);
}

function stillUnmet(unmet: readonly Feature[], { words, segments, text }: Transcript): readonly Feature[] {
  return unmet.filter((feature) => {
    if (feature === 'word-times') return words === null;
    if (feature === 'segment-times') return segments.length === 0 && text !== '';
    return true;
  });
}
