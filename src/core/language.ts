/**
 * Languages under the names that speech services use: Whisper's lower-case English names and ISO-639-1 codes.
 * OpenAI answers `verbose_json` with the name, everything else here speaks in codes.
 */
const names: Readonly<Record<string, string>> = {
  af: 'afrikaans',
  am: 'amharic',
  ar: 'arabic',
  as: 'assamese',
  az: 'azerbaijani',
  ba: 'bashkir',
  be: 'belarusian',
  bg: 'bulgarian',
  bn: 'bengali',
  bo: 'tibetan',
  br: 'breton',
  bs: 'bosnian',
  ca: 'catalan',
  cs: 'czech',
  cy: 'welsh',
  da: 'danish',
  de: 'german',
  el: 'greek',
  en: 'english',
  es: 'spanish',
  et: 'estonian',
  eu: 'basque',
  fa: 'persian',
  fi: 'finnish',
  fo: 'faroese',
  fr: 'french',
  gl: 'galician',
  gu: 'gujarati',
  ha: 'hausa',
  haw: 'hawaiian',
  he: 'hebrew',
  hi: 'hindi',
  hr: 'croatian',
  ht: 'haitian creole',
  hu: 'hungarian',
  hy: 'armenian',
  id: 'indonesian',
  is: 'icelandic',
  it: 'italian',
  ja: 'japanese',
  jv: 'javanese',
  ka: 'georgian',
  kk: 'kazakh',
  km: 'khmer',
  kn: 'kannada',
  ko: 'korean',
  la: 'latin',
  lb: 'luxembourgish',
  ln: 'lingala',
  lo: 'lao',
  lt: 'lithuanian',
  lv: 'latvian',
  mg: 'malagasy',
  mi: 'maori',
  mk: 'macedonian',
  ml: 'malayalam',
  mn: 'mongolian',
  mr: 'marathi',
  ms: 'malay',
  mt: 'maltese',
  my: 'myanmar',
  ne: 'nepali',
  nl: 'dutch',
  nn: 'nynorsk',
  no: 'norwegian',
  oc: 'occitan',
  pa: 'punjabi',
  pl: 'polish',
  ps: 'pashto',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sa: 'sanskrit',
  sd: 'sindhi',
  si: 'sinhala',
  sk: 'slovak',
  sl: 'slovenian',
  sn: 'shona',
  so: 'somali',
  sq: 'albanian',
  sr: 'serbian',
  su: 'sundanese',
  sv: 'swedish',
  sw: 'swahili',
  ta: 'tamil',
  te: 'telugu',
  tg: 'tajik',
  th: 'thai',
  tk: 'turkmen',
  tl: 'tagalog',
  tr: 'turkish',
  tt: 'tatar',
  uk: 'ukrainian',
  ur: 'urdu',
  uz: 'uzbek',
  vi: 'vietnamese',
  yi: 'yiddish',
  yo: 'yoruba',
  yue: 'cantonese',
  zh: 'chinese',
};

/** Other names that callers write, as Whisper's own tokenizer takes them. */
const otherNames: Readonly<Record<string, string>> = {
  burmese: 'my',
  castilian: 'es',
  farsi: 'fa',
  filipino: 'tl',
  flemish: 'nl',
  haitian: 'ht',
  letzeburgesch: 'lb',
  mandarin: 'zh',
  moldavian: 'ro',
  moldovan: 'ro',
  panjabi: 'pa',
  pushto: 'ps',
  sinhalese: 'si',
  valencian: 'ca',
};

/** Codes that mean the same as one above: Whisper's `jw` for Javanese, Bokmål as Norwegian, bibliographic three letters. */
const otherCodes: Readonly<Record<string, string>> = { jw: 'jv', nb: 'no', fil: 'tl', cmn: 'zh', ger: 'de', fre: 'fr' };

const codesByName = new Map([
  ...Object.entries(names).map(([code, name]) => [name, code] as const),
  ...Object.entries(otherNames),
]);

let displayNames: Intl.DisplayNames | undefined;

/** The English name that the platform knows for a code that is not in the table, undefined when it is no language. */
function platformName(code: string): string | undefined {
  displayNames ??= new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
  return displayNames.of(code)?.toLowerCase();
}

/**
 * The ISO-639-1 code (three letters where there is no shorter one) for a code, a locale or an English name in any case:
 * `en`, `EN`, `en-US`, `pt_BR`, `eng`, `English` → `en`, `pt`. null: there is no such language.
 */
export function toLanguageCode(spelling: string): string | null {
  const lower = spelling.trim().toLowerCase();
  if (Object.hasOwn(names, lower)) return lower;
  const byName = codesByName.get(lower);
  if (byName) return byName;
  if (!/^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/.test(lower)) return null;
  let primary: string;
  try {
    // The platform's table turns `eng` into `en` and `iw` into `he`.
    primary = new Intl.Locale(lower.replaceAll('_', '-')).language;
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
  const code = otherCodes[primary] ?? primary;
  return Object.hasOwn(names, code) || platformName(code) !== undefined ? code : null;
}

/** Lower-case English name of a code, as OpenAI writes it in `verbose_json`; the code itself when it has no name. */
export function languageName(code: string): string {
  return names[code] ?? platformName(code) ?? code;
}

/** Codes of all languages that Whisper knows, sorted. */
export const whisperLanguageCodes: readonly string[] = Object.keys(names);
