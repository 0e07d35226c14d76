/** Signs that open a remark about the sound, and what closes each. */
const CLOSING: Readonly<Record<string, string>> = {
  '[': ']',
  '(': ')',
  '（': '）',
  '【': '】',
  '*': '*',
  '♪': '♪',
  '♫': '♫',
};
/** Nothing that is spoken is written so; of round brackets and stars a speaker may have meant the words inside. */
const ALWAYS_REMARKS = '[【♪♫';
/** Longer than this is no remark; one that is never closed counts up to this many words. */
const LONGEST_REMARK_WORDS = 6;
const SOUNDS =
  /music|laugh|applau|silence|blank|audio|inaudible|noise|sigh|cough|breath|clear(s|ing) throat|clap|cheer|sing|bell|beep|bird|wind|background|indistinct|foreign|speaking|chatter|musik|musique|música|musica|gelächter|applaus|rires|risas|音楽|拍手|笑|音乐|掌声|음악|박수|웃음|музыка|смех|аплодисменты/iu;

/** Laughter spelled out in one word or several: `hahaha`, `Ha ha!`, `хаха`. A short one alone may be a word. */
const LAUGHTER = /^(?:[ae]*(?:h[ae]){2,}h?|(?:х[аеи]){2,}|(?:ja){3,}|[哈呵嘿]{2,}|[ㅋㅎ]{2,})$/iu;

/**
 * Which words are remarks about the sound instead of speech: `[BLANK_AUDIO]`, `(upbeat music)`, `♪ … ♪`, also without their
 * end (`[ Silence`). Words in round brackets are kept unless they name a sound or are all there is. A text that is nothing
 * but laughter is a remark too.
 */
export function remarkWords(words: readonly string[]): ReadonlySet<number> {
  const plain = words.join('').replaceAll(/[\p{P}\p{S}\s]+/gu, '');
  if (LAUGHTER.test(plain)) return new Set(words.keys());
  const remarks = new Set<number>();
  for (let from = 0; from < words.length; from++) {
    const opening = [...(words[from] ?? '')][0] ?? '';
    const closing = CLOSING[opening];
    if (closing === undefined) continue;
    const to = endOfRemark(words, from, closing);
    if (to === null) continue;
    const inside = words.slice(from, to + 1).join(' ');
    const isAll = from === 0 && to === words.length - 1;
    if (!ALWAYS_REMARKS.includes(opening) && !isAll && !SOUNDS.test(inside)) continue;
    for (let index = from; index <= to; index++) remarks.add(index);
    from = to;
  }
  return remarks;
}

/** The last word of a remark that begins at `from`; null when it is too long for one. */
function endOfRemark(words: readonly string[], from: number, closing: string): number | null {
  const limit = Math.min(words.length, from + LONGEST_REMARK_WORDS);
  for (let index = from; index < limit; index++) {
    const rest = index === from ? [...(words[index] ?? '')].slice(1).join('') : (words[index] ?? '');
    if (rest.includes(closing)) return index;
  }
  return words.length <= limit ? words.length - 1 : null;
}
