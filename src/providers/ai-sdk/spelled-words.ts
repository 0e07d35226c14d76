import type { VendorSpan } from '../support/transcript-assembly.ts';

/**
 * Words under the spelling that the text gives them: several packages list words bare, in lower case, or with the
 * punctuation of the word before. null when the words are not those of the text, one after the other.
 */
export function spelledAsIn(text: string, words: readonly VendorSpan[]): readonly VendorSpan[] | null {
  const haystack = text.toLowerCase();
  // Some letters change their length with their case; then places in one text mean nothing in the other.
  if (haystack.length !== text.length) return null;
  const places: { readonly from: number; readonly to: number }[] = [];
  let cursor = 0;
  for (const word of words) {
    const bare = bareOf(word.text).toLowerCase();
    if (bare === '') return null;
    const from = haystack.indexOf(bare, cursor);
    // Nothing but punctuation may lie between two words: otherwise the list leaves something out.
    if (from < 0 || bareOf(text.slice(cursor, from)) !== '') return null;
    cursor = from + bare.length;
    places.push({ from, to: cursor });
  }
  if (bareOf(text.slice(cursor)) !== '') return null;
  return words.map((word, index) => {
    const { from, to } = places[index]!;
    const before = text.slice(places[index - 1]?.to ?? 0, from);
    const after = text.slice(to, places[index + 1]?.from ?? text.length);
    // What touches the word belongs to it: quotes and brackets before, everything up to the next blank after.
    const opening = index === 0 || /\s/u.test(before) ? (/\S*$/u.exec(before)?.[0] ?? '') : '';
    const closing = index === words.length - 1 ? after.trim() : (/^\S*/u.exec(after)?.[0] ?? '');
    return { ...word, text: opening + text.slice(from, to) + closing };
  });
}

/** Without punctuation and blanks on either side. */
function bareOf(text: string): string {
  return text.replace(/^[\s\p{P}\p{S}]+/u, '').replace(/[\s\p{P}\p{S}]+$/u, '');
}
