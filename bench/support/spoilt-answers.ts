/** Answers as broken engines give them, made of right ones. */

export type Spoiling = 'empty' | 'cut to 20 %' | 'loop to the limit' | 'loop at the pace of speech';

export interface SpoiltText {
  readonly spoiling: Spoiling;
  readonly text: string;
}

/** Shorter loops are no loops: a phrase said four times may have been said. */
const LEAST_LOOP_TURNS = 8;

export function spoiltTexts(text: string): SpoiltText[] {
  const words = text.split(' ');
  const half = text.slice(0, text.length / 2);
  const phrase = words.length >= 3 ? words.slice(0, 3).join(' ') : text.slice(0, 4);
  const gap = words.length >= 3 ? ' ' : '';
  const turns = Math.floor(text.length / (phrase.length + 1));
  return [
    { spoiling: 'empty', text: '' },
    { spoiling: 'cut to 20 %', text: text.slice(0, Math.round(text.length * 0.2)).trim() },
    { spoiling: 'loop to the limit', text: `${half}${`${gap}${phrase}`.repeat(60)}` },
    ...(turns >= LEAST_LOOP_TURNS
      ? [{ spoiling: 'loop at the pace of speech', text: `${phrase}${gap}`.repeat(turns).trim() } as const]
      : []),
  ];
}
