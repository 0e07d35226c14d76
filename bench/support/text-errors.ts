import { type WordErrors, wordErrors } from './word-error-rate.ts';

/** Scripts without spaces, and Korean by custom, are scored by character. */
const byCharacter: ReadonlySet<string> = new Set(['zh', 'ja', 'ko', 'th']);

/** Errors of a text in any language against its reference: by word, or by character where that is the custom. */
export function textErrors(language: string, reference: string, heard: string): WordErrors {
  if (language === 'en') return wordErrors(reference, heard);
  const units = (text: string) => {
    // As Whisper's basic normaliser: case, punctuation and symbols do not count.
    const plain = text
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[\p{M}\p{P}\p{S}]+/gu, (mark) => (/\p{M}/u.test(mark) ? mark : ' '));
    const words = plain.split(/\s+/).filter(Boolean);
    return byCharacter.has(language) ? [...words.join('')].join(' ') : words.join(' ');
  };
  return wordErrors(units(reference), units(heard), (text) => text.split(' ').filter(Boolean));
}
