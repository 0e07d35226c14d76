/**
 * How long it takes to say a text, between the quickest and the slowest that people speak. A letter of one script stands
 * for more speech than one of another, so both are counted letter by letter.
 */

interface Pace {
  /** Speech that one letter stands for when it is said as quickly as anybody speaks. */
  readonly quickestMs: number;
  /** The most speech that one letter stands for: so slow that only a text that lacks something is slower. */
  readonly slowestMs: number;
}

/**
 * Measured on 2026-11-21 over the speech test set, letters for each second that the voice detector takes for speech.
 * Latin and Cyrillic: 10.0 to 16.2, spoken digits 5.5, hesitating speech 6.3 to 8.8; a fifth of the quickest is 3.2.
 * Korean 7.1, Japanese 5.1, Chinese 3.8 (one clip each). One figure may be a whole word and many may be one word.
 * Scripts that were not measured are given more room than the alphabets, because many write no vowels.
 */
const alphabet: Pace = { quickestMs: 40, slowestMs: 250 };
const hangul: Pace = { quickestMs: 70, slowestMs: 450 };
const kana: Pace = { quickestMs: 70, slowestMs: 550 };
const han: Pace = { quickestMs: 90, slowestMs: 660 };
const figure: Pace = { quickestMs: 40, slowestMs: 1_000 };
const otherScript: Pace = { quickestMs: 40, slowestMs: 500 };

/** A text's size and how long it can take to say it. */
export interface SpokenLength {
  /** Letters and figures. */
  readonly characterCount: number;
  readonly quickestMs: number;
  readonly slowestMs: number;
}

export function spokenLengthOf(text: string): SpokenLength {
  let characterCount = 0;
  let quickestMs = 0;
  let slowestMs = 0;
  for (const character of text) {
    const pace = paceOf(character);
    if (!pace) continue;
    characterCount++;
    quickestMs += pace.quickestMs;
    slowestMs += pace.slowestMs;
  }
  return { characterCount, quickestMs, slowestMs };
}

/** null: nobody says it. */
function paceOf(character: string): Pace | null {
  const code = character.codePointAt(0) ?? 0;
  // Most text by far: no pattern is tried on it.
  if (code < 0x80) {
    if (code >= 0x30 && code <= 0x39) return figure;
    const lower = code | 0x20;
    return lower >= 0x61 && lower <= 0x7a ? alphabet : null;
  }
  if (!/[\p{L}\p{N}]/u.test(character)) return null;
  if (/[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Georgian}]/u.test(character)) {
    return alphabet;
  }
  if (/\p{Script=Han}/u.test(character)) return han;
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(character)) return kana;
  if (/\p{Script=Hangul}/u.test(character)) return hangul;
  return /\p{Nd}/u.test(character) ? figure : otherScript;
}
