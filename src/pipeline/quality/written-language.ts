import { functionWords } from './function-words.ts';

/**
 * Letters below which a text is too short to tell anything. More of Latin ones: everywhere a brand or a name is written as
 * its owner does, while nobody writes English in Japanese letters.
 */
const LEAST_LETTERS = 4;
const LEAST_LATIN_LETTERS = 12;
/** Words below which function words tell nothing. */
const LEAST_WORDS = 6;
/** A text with at least this share of letters in the language's own script is written in it, names in between. */
const OWN_SCRIPT_SHARE = 0.2;
/** Every fourth to second word of running speech is a function word of its language (test set: 0.18 to 0.55). */
const CLEAR_SHARE = 0.18;
/** With so many of its function words a text is in a language beyond doubt. */
const SURE_SHARE = 0.3;
/** One word again and again is no language: English "um" is Portuguese for "one". */
const LEAST_KINDS = 2;
/** Of a language that is not spoken, chance makes some (`in`, `a`, `de`): at most half of the right one's. */
const LEAD = 2;

/** Languages that are written in a second script by many; whichever of the two a text has is right. */
const secondScripts: Readonly<Record<string, string>> = {
  az: 'Cyrl',
  bs: 'Cyrl',
  ha: 'Arab',
  kk: 'Latn',
  ku: 'Arab',
  ky: 'Latn',
  mn: 'Mong',
  ms: 'Arab',
  pa: 'Arab',
  sd: 'Deva',
  sh: 'Cyrl',
  sr: 'Latn',
  tg: 'Arab',
  tk: 'Cyrl',
  tt: 'Latn',
  ug: 'Latn',
  ur: 'Deva',
  uz: 'Cyrl',
  yue: 'Hans',
  zh: 'Hant',
};

/** Scripts that are several in Unicode. */
const partsOf: Readonly<Record<string, string>> = {
  Jpan: '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}',
  Kore: '\\p{Script=Hangul}\\p{Script=Han}',
  Hans: '\\p{Script=Han}',
  Hant: '\\p{Script=Han}',
};

/** Whether a text is written in a language, as far as its letters and its small words tell. */
export type LanguageEvidence = 'same' | 'other' | 'unclear';

/**
 * Compares a text with the language that it should be in: by script first, then by function words where both its language
 * and the one that it seems to be in are known here. `language` is ISO-639-1. Never `other` for a few words.
 */
export function languageEvidence(text: string, language: string): LanguageEvidence {
  const writing = inOwnScript(text, language);
  if (writing !== 'same') return writing;
  const words = wordsOf(text);
  const own = functionWords.get(language);
  if (!own || words.length < LEAST_WORDS) return 'unclear';
  const asked = countIn(words, language, own);
  // Half of the small words would have to be another language's as well: not worth looking.
  if (asked.share >= SURE_SHARE && asked.kinds >= LEAST_KINDS) return 'same';
  const [best] = functionWordsIn(words);
  if (!best || !isClear(best)) return 'unclear';
  if (asked.share * LEAD <= best.share) return 'other';
  return asked.share === best.share ? 'same' : 'unclear';
}

/** `same`: in a script of the language; `unclear` where the language's script is not known or the text is too short. */
function inOwnScript(text: string, language: string): LanguageEvidence {
  const script = scriptPattern(language);
  if (!script) return 'unclear';
  const isAscii = /^[\0-\x7f]*$/.test(text);
  if (isAscii && script.isLatin) return text.length >= LEAST_LATIN_LETTERS ? 'same' : 'unclear';
  const letters = countOf(text, /\p{L}/gu);
  if (letters < LEAST_LETTERS) return 'unclear';
  if (countOf(text, script.letters) >= letters * OWN_SCRIPT_SHARE) return 'same';
  const latin = countOf(text, /\p{Script=Latin}/gu);
  return letters - latin >= LEAST_LETTERS || latin >= LEAST_LATIN_LETTERS ? 'other' : 'unclear';
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** ISO-639-1 of the language that a text is clearly written in; null: it does not show. */
export function writtenLanguage(text: string): string | null {
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return 'ja';
  if (/\p{Script=Hangul}/u.test(text)) return 'ko';
  if (/\p{Script=Han}/u.test(text)) return 'zh';
  const [first, second] = functionWordsIn(wordsOf(text));
  if (!first || !isClear(first)) return null;
  return second && second.share * LEAD > first.share ? null : first.language;
}

interface Script {
  readonly letters: RegExp;
  readonly isLatin: boolean;
}

const scripts = new Map<string, Script | null>();

/** What the language is written in; null: the platform knows no script for it. */
function scriptPattern(language: string): Script | null {
  const known = scripts.get(language);
  if (known !== undefined) return known;
  const script = readScript(language);
  scripts.set(language, script);
  return script;
}

function readScript(language: string): Script | null {
  try {
    const { script } = new Intl.Locale(language).maximize();
    if (script === undefined) return null;
    const names = [script, secondScripts[language]].flatMap((one) => one ?? []);
    const letters = new RegExp(`[${names.map((one) => partsOf[one] ?? `\\p{Script=${one}}`).join('')}]`, 'gu');
    return { letters, isLatin: names.includes('Latn') };
  } catch (thrown) {
    // A language or a script that this platform has never heard of says nothing about a text.
    if (thrown instanceof RangeError || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

interface FunctionWordsFound {
  readonly language: string;
  /** Which part of the text's words are function words of the language. */
  readonly share: number;
  /** How many different ones. */
  readonly kinds: number;
}

function isClear({ share, kinds }: FunctionWordsFound): boolean {
  return share >= CLEAR_SHARE && kinds >= LEAST_KINDS;
}

function wordsOf(text: string): readonly string[] {
  return (
    text
      .toLowerCase()
      .replaceAll('’', "'")
      .match(/[\p{L}\p{M}']+/gu) ?? []
  );
}

/** What a text's words have of each known language, most first; [] when they are too few. */
function functionWordsIn(words: readonly string[]): FunctionWordsFound[] {
  if (words.length < LEAST_WORDS) return [];
  const found = [...functionWords].map(([language, own]) => countIn(words, language, own));
  return found.sort((left, right) => right.share - left.share);
}

function countIn(words: readonly string[], language: string, own: ReadonlySet<string>): FunctionWordsFound {
  const hits = words.filter((word) => own.has(word));
  return { language, share: hits.length / words.length, kinds: new Set(hits).size };
}
