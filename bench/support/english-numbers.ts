/**
 * Number words as digits: `twenty four` and `24` are the same words to a listener. One, alone, stays a word, since it is
 * as often a pronoun; a row of single digits (`four one five`) becomes one number, as in a telephone number read out.
 */

const units = [
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'],
  ...['thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen'],
];
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
const scales = ['hundred', 'thousand', 'million', 'billion', 'trillion'];
const scaleValues = [100, 1e3, 1e6, 1e9, 1e12];
const irregularOrdinals: Readonly<Record<string, [word: string, ending: string]>> = {
  first: ['one', 'st'],
  second: ['two', 'nd'],
  third: ['three', 'rd'],
  fifth: ['five', 'th'],
  eighth: ['eight', 'th'],
  ninth: ['nine', 'th'],
  twelfth: ['twelve', 'th'],
};
const currencies: Readonly<Record<string, string>> = {
  pound: '£',
  pounds: '£',
  euro: '€',
  euros: '€',
  dollar: '$',
  dollars: '$',
  cent: '¢',
  cents: '¢',
};

type Kind = 'zero' | 'unit' | 'teen' | 'ten' | 'scale';

interface NumberWord {
  readonly kind: Kind;
  readonly value: number;
  /** `s`, `th` and the like: the number ends here. */
  readonly ending: string;
}

const vocabulary = buildVocabulary();

function buildVocabulary(): ReadonlyMap<string, NumberWord> {
  const cardinals = new Map<string, NumberWord>();
  const add = (word: string, kind: Kind, value: number) => cardinals.set(word, { kind, value, ending: '' });
  for (const [value, word] of units.entries()) add(word, value === 0 ? 'zero' : value < 10 ? 'unit' : 'teen', value);
  for (const [index, word] of tens.entries()) add(word, 'ten', 20 + 10 * index);
  for (const [index, word] of scales.entries()) add(word, 'scale', scaleValues[index]!);
  const all = new Map(cardinals);
  all.set('oh', cardinals.get('zero')!);
  all.set('o', cardinals.get('zero')!);
  for (const [word, one] of cardinals) {
    if (one.kind === 'zero') continue;
    const stem = word.replace(/y$/, 'ie');
    all.set(word === 'six' ? 'sixes' : `${stem}s`, { ...one, ending: 's' });
    all.set(`${stem}th`, { ...one, ending: 'th' });
  }
  for (const [word, [cardinal, ending]] of Object.entries(irregularOrdinals)) {
    all.set(word, { ...cardinals.get(cardinal)!, ending });
  }
  return all;
}

/** Replaces the number words of a text that is lower case and without punctuation but for signs at numbers. */
export function numbersToDigits(text: string): string {
  const words = apart(text).split(/\s+/).filter(Boolean);
  const output: string[] = [];
  const open = new OpenNumber((finished) => output.push(finished));
  for (const [index, word] of words.entries()) {
    const before = words[index - 1] ?? '';
    const after = words[index + 1] ?? '';
    const number = vocabulary.get(word);
    if (number) open.take(number);
    else if (/^[$€£¢]?\d+(\.\d+)?$/.test(word)) open.takeDigits(word);
    else if (word === 'and' && vocabulary.get(before)?.kind === 'scale' && isNumeric(after)) continue;
    else if (word === 'point' && open.isOpen && isNumeric(after)) open.point();
    else if (word === 'percent' && open.isOpen) open.close('%');
    else if (currencies[word] && open.isOpen) open.close('', currencies[word]);
    else {
      open.close();
      output.push(word);
    }
  }
  open.close();
  return output.join(' ').replaceAll(/(?<![\d.])\b1(s?)\b(?![\d.%])/g, 'one$1');
}

/** `20th` keeps its ending, every other letter parts from its figure; `per cent` is one word. */
function apart(text: string): string {
  return text
    .replaceAll(/([a-z])(\d)/g, '$1 $2')
    .replaceAll(/(\d)([a-z])/g, '$1 $2')
    .replaceAll(/(\d)\s+(st|nd|rd|th|s)\b/g, '$1$2')
    .replaceAll(/\bper cent\b/g, 'percent')
    .replaceAll(/\b(and a half)\b/g, (half, _group, at: number) =>
      endsWithNumber(text.slice(0, at)) ? 'point five' : half,
    );
}

function endsWithNumber(text: string): boolean {
  const last = text.trimEnd().split(/\s+/).at(-1) ?? '';
  return vocabulary.get(last)?.ending === '' || /\d$/.test(last);
}

function isNumeric(word: string): boolean {
  return vocabulary.has(word) || /^\d+(\.\d+)?$/.test(word);
}

/** The number that is being read: a count that grows (`two hundred five`), or figures in a row (`two oh five`). */
class OpenNumber {
  readonly #finished: (text: string) => void;
  #sign = '';
  #count: number | null = null;
  #figures: string | null = null;
  #last: Kind | null = null;

  constructor(finished: (text: string) => void) {
    this.#finished = finished;
  }

  get isOpen(): boolean {
    return this.#count !== null || this.#figures !== null;
  }

  take({ kind, value, ending }: NumberWord): void {
    if (kind === 'scale') this.#multiply(value);
    else if (!this.isOpen && kind !== 'zero') this.#count = value;
    else if (this.#fits(kind)) this.#add(value);
    else this.#append(String(value));
    this.#last = kind;
    if (ending) this.close(ending);
  }

  takeDigits(word: string): void {
    if (this.#figures?.endsWith('.')) {
      this.#figures += word;
      return;
    }
    this.close();
    const sign = /^[$€£¢]/.exec(word)?.[0] ?? '';
    this.#sign = sign;
    const digits = word.slice(sign.length);
    if (/^\d{1,15}$/.test(digits)) this.#count = Number(digits);
    else this.#figures = digits;
  }

  point(): void {
    this.#figures = `${this.#text()}.`;
    this.#count = null;
    this.#last = null;
  }

  close(ending = '', sign = this.#sign): void {
    if (this.isOpen) this.#finished(sign + this.#text() + ending);
    this.#sign = '';
    this.#count = null;
    this.#figures = null;
    this.#last = null;
  }

  #text(): string {
    return this.#figures ?? String(this.#count ?? '');
  }

  /** Whether the word fills a place that is still free: `twenty` + `four`, `three hundred` + `twelve`. */
  #fits(kind: Kind): boolean {
    if (kind === 'zero' || this.#last === 'unit' || this.#last === 'teen' || this.#last === 'zero') return false;
    if (this.#figures !== null) return kind === 'unit' && this.#last === 'ten';
    return (this.#count ?? 0) % (kind === 'unit' ? 10 : 100) === 0;
  }

  #add(value: number): void {
    if (this.#figures !== null) this.#figures = this.#figures.slice(0, -1) + value;
    else this.#count = (this.#count ?? 0) + value;
  }

  #append(figures: string): void {
    this.#figures = this.#text() + figures;
    this.#count = null;
  }

  #multiply(scale: number): void {
    const count = this.#figures === null ? this.#count : Number(this.#figures);
    this.#figures = null;
    if (count === null) this.#count = scale;
    // `two thousand three hundred`: only what came after the thousand is multiplied.
    else
      this.#count = Number.isInteger(count) ? Math.floor(count / 1000) * 1000 + (count % 1000) * scale : count * scale;
  }
}
