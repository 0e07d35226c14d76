import { isLoop } from '../../core/looped-text.ts';
import { isStockPhrase } from '../../core/stock-phrases.ts';
import type { ProviderAsk } from '../../providers/contract.ts';
import type { Transcript } from '../../transcript/transcript.ts';
import { type SpokenLength, spokenLengthOf } from './spoken-length.ts';
import { languageEvidence } from './written-language.ts';

/** What makes an answer suspicious; each is confirmed or cleared by the sound, but for the language. */
export type Doubt = 'no-text' | 'loop' | 'little-text' | 'stock-phrase' | 'open-end' | 'other-language';

export interface AnswerSigns {
  readonly length: SpokenLength;
  readonly doubts: readonly Doubt[];
  /** Where the text ends that may have been cut off; null: it reaches near the end, or has no times. */
  readonly openFromMs: number | null;
}

/** A timed text that ends so long before the recording does, and so great a part of it, may have been cut off. */
const OPEN_END_MS = 20_000;
const OPEN_END_SHARE = 0.1;

/** Languages whose names are used for one another: an engine that reports a kin has not misheard. */
const kin: readonly (readonly string[])[] = [
  ['no', 'nb', 'nn', 'da'],
  ['zh', 'yue'],
  ['hr', 'bs', 'sr'],
  ['id', 'ms', 'jv'],
  ['hi', 'ur'],
  ['es', 'ca', 'gl', 'pt'],
  ['af', 'nl'],
  ['cs', 'sk'],
];

/** No stock phrase is longer. */
const LONGEST_STOCK_CHARACTERS = 100;

/** Words from which on a language that an engine reports is more than a guess. */
const REPORTED_FROM_WORDS = 3;

/** What text, times and probed length alone say against an answer. Pure, and cheap: it is asked for every answer. */
export function answerSigns(
  transcript: Pick<Transcript, 'text' | 'language' | 'segments'>,
  ask: Pick<ProviderAsk, 'language' | 'task'>,
  durationMs: number,
): AnswerSigns {
  const { text, segments } = transcript;
  const length = spokenLengthOf(text);
  const openFromMs = openEndMs(segments, durationMs);
  const doubts: Doubt[] = [];
  if (length.characterCount === 0) doubts.push('no-text');
  else {
    if (isLoop(text)) doubts.push('loop');
    if (length.slowestMs < durationMs) doubts.push('little-text');
    if (text.length <= LONGEST_STOCK_CHARACTERS && isStockPhrase(text)) doubts.push('stock-phrase');
    if (openFromMs !== null) doubts.push('open-end');
    if (isOtherLanguage(transcript, ask)) doubts.push('other-language');
  }
  return { length, doubts, openFromMs };
}

/** Where a timed text ends that may have been cut off, in milliseconds; null: it reaches near enough, or has no times. */
export function openEndMs(segments: Transcript['segments'], durationMs: number): number | null {
  if (segments.length === 0) return null;
  const untilMs = segments.reduce((latest, segment) => Math.max(latest, segment.endMs), 0);
  const openMs = durationMs - untilMs;
  return openMs >= OPEN_END_MS && openMs >= durationMs * OPEN_END_SHARE ? untilMs : null;
}

function isOtherLanguage(
  { text, language: reported }: Pick<Transcript, 'text' | 'language'>,
  { language: asked, task }: Pick<ProviderAsk, 'language' | 'task'>,
): boolean {
  // A translation is English whatever was spoken, and its engine may report either.
  if (task === 'translate') return languageEvidence(text, 'en') === 'other';
  if (asked === null) return false;
  const evidence = languageEvidence(text, asked);
  if (evidence !== 'unclear') return evidence === 'other';
  if (reported === null || reported === asked || text.trim().split(/\s+/u).length < REPORTED_FROM_WORDS) return false;
  return !kin.some((group) => group.includes(reported) && group.includes(asked));
}
