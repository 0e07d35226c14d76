import { numbersToDigits } from './english-numbers.ts';

/**
 * English text as word error rates are counted: what two people would write differently after hearing the same words is
 * made the same. Follows the rules that papers use since Whisper's, so that figures can be compared with theirs: case,
 * punctuation and fillers go, contractions and titles are written out, numbers become figures, spelling American.
 */
export function normaliseEnglish(text: string): string {
  let out = text
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[<[][^>\]]*[>\]]|\([^)]*\)/g, '')
    .replaceAll('’', "'")
    .replaceAll(/\b(hmm|mm|mhm|mmm|uh|um)\b/g, '')
    .replaceAll(/\s+'/g, "'");
  for (const [pattern, replacement] of spokenForms) out = out.replaceAll(pattern, replacement);
  out = out
    .replaceAll(/(\d),(\d)/g, '$1$2')
    .replaceAll(/\.(?!\d)/g, ' ')
    .replaceAll(/\p{Mn}/gu, '')
    .replaceAll(/[^\p{L}\p{N}\s.%$¢€£]/gu, ' ');
  out = numbersToDigits(out);
  for (const [pattern, replacement] of americanSpelling) out = out.replaceAll(pattern, replacement);
  return out
    .replaceAll(/[.$¢€£]([^0-9])/g, ' $1')
    .replaceAll(/([^0-9])%/g, '$1 ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

const titles: Readonly<Record<string, string>> = {
  mr: 'mister',
  mrs: 'missus',
  st: 'saint',
  dr: 'doctor',
  prof: 'professor',
  capt: 'captain',
  gov: 'governor',
  gen: 'general',
  sen: 'senator',
  rep: 'representative',
  rev: 'reverend',
  lt: 'lieutenant',
  col: 'colonel',
  jr: 'junior',
  sr: 'senior',
};

const shortForms: Readonly<Record<string, string>> = {
  "won't": 'will not',
  "can't": 'can not',
  "let's": 'let us',
  "ain't": 'aint',
  "y'all": 'you all',
  "ma'am": 'madam',
  wanna: 'want to',
  gotta: 'got to',
  gonna: 'going to',
  woulda: 'would have',
  coulda: 'could have',
  shoulda: 'should have',
};

const endings: Readonly<Record<string, string>> = {
  "n't": ' not',
  "'re": ' are',
  "'s": ' is',
  "'d": ' would',
  "'ll": ' will',
  "'t": ' not',
  "'ve": ' have',
  "'m": ' am',
};

const spokenForms: readonly (readonly [RegExp, string])[] = [
  ...Object.entries(shortForms).map(([short, long]) => [new RegExp(`\\b${short}\\b`, 'g'), long] as const),
  ...Object.entries(titles).map(([short, long]) => [new RegExp(`\\b${short}\\b`, 'g'), `${long} `] as const),
  // Before participles these endings are forms of have.
  [/'d (been|gone|done|got)\b/g, ' had $1'],
  [/'s (been|gone|done|got)\b/g, ' has $1'],
  ...Object.entries(endings).map(([short, long]) => [new RegExp(`${short}\\b`, 'g'), long] as const),
];

/** Both sides of a comparison go through these, so a rule may be coarse as long as it joins no two different words. */
const americanSpelling: readonly (readonly [RegExp, string])[] = [
  [
    /(colo|flavo|favo|harbo|hono|humo|labo|neighbo|rumo|savo|vigo|parlo|odo|vapo|behavio|armo|ardo|clamo|endeavo|splendo|valo|fervo|rigo|ranco|demeano|cando|glamo|tumo)u(r)/g,
    '$1$2',
  ],
  // Spoken short for it, and written so in references; whoever says "a good cause" says it on both sides.
  [/\bcause\b/g, 'because'],
  [/\b(\w{3,})is(e|es|ed|ing|er|ers|ation|ations)\b/g, '$1iz$2'],
  [/\b(anal|paral|catal)ys(e|es|ed|ing|er|ers)\b/g, '$1yz$2'],
  [/\b(cent|met|theat|lit|fib|sab|calib|lust|spect|somb)re(s|d)?\b/g, '$1er$2'],
  [
    /(travel|cancel|counsel|marvel|quarrel|level|label|model|signal|fuel|jewel|equal|total|rival|dial|tunnel|channel|shovel|ravel|duel|libel|panel)l(ed|ing|er|ers|or|ors|ous)\b/g,
    '$1$2',
  ],
  [/\b(def|off|lic|pret)ence(s|d)?\b/g, '$1ense$2'],
  [/\bpractis(e|es|ed|ing)\b/g, 'practic$1'],
  [/\bgrey/g, 'gray'],
  [/\bplough/g, 'plow'],
  [/\bcheque/g, 'check'],
  [/\bsceptic/g, 'skeptic'],
  [/\bjudgement/g, 'judgment'],
  [/\bprogramme(s?)\b/g, 'program$1'],
  [/\bmanoeuvr(e|es|ed)\b/g, 'maneuver$1'],
  [/\bmould/g, 'mold'],
  [/\bsmoulder/g, 'smolder'],
  [/\bmoustache/g, 'mustache'],
  [/\bjewellery\b/g, 'jewelry'],
  [/\b(sk|w)ilful/g, '$1illful'],
  [/\b(fulfil|instil|enrol)(s|ment)?\b/g, '$1l$2'],
  [/\bdraught/g, 'draft'],
  [/\baxe\b/g, 'ax'],
  [/\bcosy\b/g, 'cozy'],
  [/\bsulphur/g, 'sulfur'],
  [/\b(dia|mono|cata|pro|epi)logue/g, '$1log'],
  [/\bgaol/g, 'jail'],
  [/\bstorey/g, 'story'],
  [/\btyre/g, 'tire'],
  [/\bkerb\b/g, 'curb'],
  [/\bpyjama/g, 'pajama'],
  [/\bmum(s|my)?\b/g, 'mom$1'],
];
