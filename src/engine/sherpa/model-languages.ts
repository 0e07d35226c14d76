import type { Vocabulary } from './vocabulary.ts';

/** What SenseVoice-small writes; its card names no other. */
export const senseVoiceLanguages = ['zh', 'en', 'ja', 'ko', 'yue'] as const;

/** The 25 languages of the model card of nvidia/parakeet-tdt-0.6b-v3. */
const parakeetV3 = 'bg cs da de el en es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk'.split(' ');

/** Models that say in their metadata who they are. */
const knownUrls: readonly (readonly [RegExp, readonly string[]])[] = [
  [/parakeet-tdt-0\.6b-v3/, parakeetV3],
  [/parakeet-tdt-0\.6b-v2/, ['en']],
];

/** A script counts from this share of the vocabulary on: Chinese models list the Latin letters too, for abbreviations. */
const LEAST_SHARE = 0.05;

const scripts: readonly (readonly [RegExp, string])[] = [
  [/\p{Script=Hangul}/u, 'ko'],
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, 'ja'],
  [/\p{Script=Han}/u, 'zh'],
  [/\p{Script=Thai}/u, 'th'],
];

/**
 * ISO-639-1 codes of what a transducer understands: from who it says it is, else from the script of its vocabulary where
 * that leaves no choice. Empty: cannot be told (a script of many languages).
 */
export function transducerLanguages(metadata: ReadonlyMap<string, string>, vocabulary: Vocabulary): readonly string[] {
  const url = metadata.get('url') ?? '';
  const known = knownUrls.find(([pattern]) => pattern.test(url));
  if (known) return known[1];
  const plain = [...vocabulary.symbols.values()].filter((one) => !/^(<.*>|#\d+)$/.test(one));
  const share = (pattern: RegExp) => plain.filter((one) => pattern.test(one)).length / Math.max(1, plain.length);
  const found = scripts.filter(([pattern]) => share(pattern) >= LEAST_SHARE).map(([, language]) => language);
  // Kana and Han together are Japanese.
  const languages = found.includes('ja') ? found.filter((one) => one !== 'zh') : found;
  if (share(/\p{Script=Latin}/u) < LEAST_SHARE) return languages;
  if (plain.some((one) => /[^\p{ASCII}▁]/u.test(one) && /\p{Script=Latin}/u.test(one))) return languages;
  return share(/\p{Script=Cyrillic}|\p{Script=Greek}|\p{Script=Arabic}/u) > 0 ? languages : [...languages, 'en'];
}
