import { z } from 'zod';
import type { Transcript } from '../../transcript/transcript.ts';
import type { Feature, ProviderAsk } from '../contract.ts';
import { assembleTranscript, type VendorSegment, type VendorSpan } from '../support/transcript-assembly.ts';
import { unheardTail } from '../support/unheard-tail.ts';
import { nonsense } from '../support/vendor-failure.ts';
import { languageCodeOf, msOfSeconds } from '../support/vendor-times.ts';
import { knownPieces } from './known-replies.ts';
import { spelledAsIn } from './spelled-words.ts';

const piece = z.object({
  text: z.string(),
  startSecond: z.number().nullish().catch(null),
  endSecond: z.number().nullish().catch(null),
});

/** What a model of any specification resolves with, as far as it is read. */
const resultSchema = z.object({
  text: z.string(),
  segments: z.array(piece).nullish(),
  /** v4, and there only from some packages. */
  words: z.array(piece).nullish(),
  language: z.string().nullish().catch(null),
  durationInSeconds: z.number().nullish().catch(null),
  /** `{type: 'unsupported', feature}` in v3 and v4, `{type: 'unsupported-setting', setting}` in v2. */
  warnings: z
    .array(z.looseObject({ type: z.string(), feature: z.string().optional(), setting: z.string().optional() }))
    .nullish()
    .catch(null),
  response: z.looseObject({ body: z.unknown() }).nullish().catch(null),
  providerMetadata: z.record(z.string(), z.unknown()).nullish().catch(null),
});
export type GenerateResult = z.output<typeof resultSchema>;

/** Throws `bad_gateway` where it is not what the specification says. */
export function parseResult(value: unknown): GenerateResult {
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw nonsense(
    'has an unknown shape',
    new Error(parsed.error.issues.map((one) => `${one.path.join('.')}: ${one.code}`).join('; ')),
  );
}

/**
 * A model's result as a transcript. Words are what the package calls words; where it has none, its "segments" may be words
 * all the same (Rev AI, Deepgram, ElevenLabs). Where a known vendor's own reply is at hand, its words, speakers and
 * confidences are read out of that. Pure.
 */
export function toTranscript(
  result: GenerateResult,
  modelProvider: string,
  ask: Pick<ProviderAsk, 'audio' | 'wantWords'>,
  knownLanguage: string | null,
): Transcript {
  const { durationMs } = ask.audio.probe;
  const text = result.text.trim();
  const language = text === '' ? null : (languageCodeOf(result.language) ?? knownLanguage);
  const known = knownPieces(modelProvider, result);
  const spans = (result.segments ?? []).filter((one) => one.text.trim() !== '').map(toSpan);
  const ofSegments = areWords(spans) ? spans : null;
  const listed = known?.words ?? (result.words?.length ? result.words.map(toSpan) : ofSegments);
  const words = listed && (spelledAsIn(text, listed) ?? listed);
  const segments: readonly VendorSegment[] = known?.segments ?? (ofSegments ? [] : spans);
  const isBare = segments.length === 0 && (words === null || words.length === 0);
  const transcript = assembleTranscript({
    text,
    language,
    durationMs,
    segments:
      isBare && text !== ''
        ? [{ text, startMs: 0, endMs: durationMs, language }]
        : segments.map((one) => ({ ...one, language: one.language ?? language })),
    words: text === '' ? [] : words,
  });
  return {
    ...transcript,
    words: ask.wantWords ? transcript.words : null,
    unheard: unheardTail(vendorDurationOf(result, modelProvider), durationMs),
  };
}

/** Packages whose "duration" is the end of the last word: no length, and silence behind it is none that was left out. */
const endOfLastWord = /^(revai|elevenlabs|fal)\b/;

/** The length of the recording as the vendor counted it, in milliseconds; null: it told none. */
export function vendorDurationOf({ durationInSeconds }: GenerateResult, modelProvider: string): number | null {
  return endOfLastWord.test(modelProvider) ? null : msOfSeconds(durationInSeconds);
}

function toSpan({ text, startSecond, endSecond }: z.output<typeof piece>): VendorSpan {
  return { text, startMs: msOfSeconds(startSecond), endMs: msOfSeconds(endSecond) };
}

/** Counts words in scripts with and without blanks between them. */
const segmenter = new Intl.Segmenter('und', { granularity: 'word' });
/** Words are 1.0 by this measure, a few contractions and numbers more; the shortest phrases are 2 and more. */
const mostWordsInOne = 1.4;
/** Of long lists this many pieces are counted: enough to tell, and cheap. */
const sampleSize = 200;

/** Whether "segments" are words: by how many words there are in one of them on average. One piece alone is none. */
export function areWords(pieces: readonly VendorSpan[]): boolean {
  if (pieces.length < 2) return false;
  const sample = pieces.slice(0, sampleSize);
  let count = 0;
  for (const { text } of sample) {
    for (const { isWordLike } of segmenter.segment(text)) if (isWordLike) count++;
  }
  return count / sample.length <= mostWordsInOne;
}

const warnedFeatures: readonly (readonly [pattern: RegExp, feature: Feature])[] = [
  [/language/i, 'language'],
  [/prompt/i, 'prompt'],
  [/temperature/i, 'temperature'],
];

/** Wishes that the package itself says it left out. Times are told by what came back. */
export function unmetByWarnings({ warnings }: GenerateResult, ask: ProviderAsk): readonly Feature[] {
  const left = (warnings ?? [])
    .filter((one) => one.type.startsWith('unsupported'))
    .map((one) => one.feature ?? one.setting ?? '');
  const wished: Readonly<Partial<Record<Feature, boolean>>> = {
    language: ask.language !== null,
    prompt: Boolean(ask.prompt),
    temperature: ask.temperature !== null,
  };
  return warnedFeatures.flatMap(([pattern, feature]) =>
    wished[feature] && left.some((one) => pattern.test(one)) ? feature : [],
  );
}
