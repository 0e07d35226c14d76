/** A word of a text as it is written, punctuation included. */
export interface SplitWord {
  readonly text: string;
  /** Follows the word before it without a space. */
  readonly glued: boolean;
}

const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const opening = /^[\p{Ps}\p{Pi}¿¡]+$/u;
const sounded = /[\p{L}\p{N}]/u;

const segmenters = new Map<string, Intl.Segmenter>();

/**
 * A text as words. Spaces part them; where a script is written without, the platform's dictionary does, and punctuation
 * stays with its word. Joined with spaces, but for glued ones, they are the text again, up to the kind of its spaces.
 * `language` is ISO-639-1; null: unknown.
 */
export function splitWords(text: string, language: string | null): SplitWord[] {
  return text
    .split(/\s+/u)
    .filter(Boolean)
    .flatMap((part) => (unspaced.test(part) ? splitUnspaced(part, language) : [{ text: part, glued: false }]));
}

function splitUnspaced(part: string, language: string | null): SplitWord[] {
  const words: string[] = [];
  let lead = '';
  for (const { segment } of segmenterOf(language).segment(part)) {
    if (opening.test(segment)) lead += segment;
    else if (!sounded.test(segment) && lead === '' && words.length > 0) words.push(`${words.pop()}${segment}`);
    else {
      words.push(lead + segment);
      lead = '';
    }
  }
  // What opens at the very end opens nothing.
  if (lead !== '') words.push(`${words.pop() ?? ''}${lead}`);
  return words.map((text, index) => ({ text, glued: index > 0 }));
}

function segmenterOf(language: string | null): Intl.Segmenter {
  const name = language ?? 'und';
  const known = segmenters.get(name);
  if (known) return known;
  const segmenter = new Intl.Segmenter(name, { granularity: 'word' });
  segmenters.set(name, segmenter);
  return segmenter;
}
