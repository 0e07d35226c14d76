const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}。、，？！「」『』…]/u;

/** A space between two pieces of text, except between two characters of scripts that are written without. */
export function separatorBetween(left: string, right: string): '' | ' ' {
  if (left === '' || right === '') return '';
  return unspaced.test(left.at(-1)!) && unspaced.test(right[0]!) ? '' : ' ';
}

/** The texts of segments in time order as one text. */
export function joinTexts(texts: readonly string[]): string {
  let joined = '';
  for (const text of texts) joined += separatorBetween(joined, text) + text;
  return joined;
}
