/**
 * What makes two written words the same word: lower case, letters, digits and inner apostrophes. Empty for a word of
 * signs alone.
 */
export function wordKey(word: string): string {
  return word
    .toLowerCase()
    .replaceAll('\u2019', "'")
    .replaceAll(/[^\p{L}\p{N}']/gu, '')
    .replaceAll(/^'+|'+$/g, '');
}
