import type { HeardToken, HeardWord } from '../protocol.ts';

/**
 * The chosen words with the punctuation that the writer had behind the words in their place: else a sentence would lose
 * its full stop with its last word. Only the last word is touched, and only by whole tokens, so that text and tokens stay
 * one.
 */
export function inWritingOf(chosen: readonly HeardWord[], replaced: readonly HeardWord[]): HeardWord[] {
  const last = chosen.at(-1);
  const place = replaced.at(-1);
  if (!last || !place) return [...chosen];
  const end = endingSigns(place.tokens);
  const kept = last.tokens.slice(0, last.tokens.length - endingSigns(last.tokens).length);
  const text = textOf([...kept, ...end]);
  // A word whose signs are not tokens of their own stays as it is.
  if (/[^\p{L}\p{N}]$/u.test(textOf(kept)) || (end.length === 0 && /[^\p{L}\p{N}]$/u.test(place.text))) {
    return [...chosen];
  }
  return [...chosen.slice(0, -1), { ...last, text, tokens: [...kept, ...end] }];
}

/** The tokens of nothing but signs at the end of a word that has other tokens before them. */
function endingSigns(tokens: readonly HeardToken[]): readonly HeardToken[] {
  let from = tokens.length;
  while (from > 1 && /^[^\p{L}\p{N}\s]+$/u.test(textOf(tokens.slice(from - 1, from)))) from--;
  return tokens.slice(from);
}

function textOf(tokens: readonly HeardToken[]): string {
  return Buffer.concat(tokens.map((one) => one.bytes))
    .toString('utf8')
    .trim();
}
