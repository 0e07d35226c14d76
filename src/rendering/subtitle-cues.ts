import type { Segment, Transcript, Word } from '../transcript/transcript.ts';
import { segmentsOf } from './common-parts.ts';

export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  /** One line, without an arrow that a parser could take for times. */
  readonly text: string;
}

/** Broadcasters' rule of thumb: two lines of 42 characters, seven seconds. Longer segments are cut between words. */
const maxCueLength = 84;
const maxCueMs = 7000;
/** A sentence's end or a pause ends a cue early, once it is long enough to be read by itself. */
const goodCueLength = 32;
const pauseMs = 700;

/** A transcript as subtitle cues: one a segment, or several where the segment is long and its words have times. */
export function subtitleCues(transcript: Transcript): readonly Cue[] {
  const words = transcript.words ?? [];
  let next = 0;
  return segmentsOf(transcript).flatMap((segment) => {
    while (next < words.length && middleMs(words[next]!) < segment.startMs) next++;
    const first = next;
    while (next < words.length && middleMs(words[next]!) <= segment.endMs) next++;
    return cutSegment(segment, words.slice(first, next));
  });
}

/** `HH:MM:SS,mmm`; hours have at least two digits. */
export function cueTime(ms: number, decimalMark: ',' | '.'): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = two(Math.floor(whole / 3_600_000));
  const minutes = two(Math.floor(whole / 60_000) % 60);
  const seconds = two(Math.floor(whole / 1000) % 60);
  return `${hours}:${minutes}:${seconds}${decimalMark}${String(whole % 1000).padStart(3, '0')}`;
}

function cutSegment(segment: Segment, words: readonly Word[]): Cue[] {
  const short = segment.text.length <= maxCueLength && segment.endMs - segment.startMs <= maxCueMs;
  if (short || words.length < 2 || !spell(segment.text, words)) return [toCue(segment)];
  const groups: Word[][] = [[words[0]!]];
  for (const word of words.slice(1)) {
    const group = groups.at(-1)!;
    if (belongs(group, word)) group.push(word);
    else groups.push([word]);
  }
  const separator = segment.text.includes(' ') ? ' ' : '';
  return groups.map((group, index) =>
    toCue({
      text: group.map((word) => word.text).join(separator),
      // The outer edges stay the segment's own: cutting moves no time that was there before.
      startMs: index === 0 ? segment.startMs : group[0]!.startMs,
      endMs: index === groups.length - 1 ? segment.endMs : group.at(-1)!.endMs,
    }),
  );
}

/** Whether the words are the segment's text and nothing else: a transcript that is edited elsewhere must not be cut wrongly. */
function spell(text: string, words: readonly Word[]): boolean {
  return (
    words
      .map((word) => word.text)
      .join('')
      .replaceAll(/\s/g, '') === text.replaceAll(/\s/g, '')
  );
}

function belongs(group: readonly Word[], word: Word): boolean {
  const last = group.at(-1)!;
  const length = group.reduce((sum, one) => sum + one.text.length + 1, 0);
  if (length + word.text.length > maxCueLength) return false;
  if (word.endMs - group[0]!.startMs > maxCueMs) return false;
  const restPoint = /[.?!。？！…]["'”’)]*$/.test(last.text) || word.startMs - last.endMs >= pauseMs;
  return !(restPoint && length > goodCueLength);
}

function toCue(span: { text: string; startMs: number; endMs: number }): Cue {
  const text = span.text.replaceAll(/\s+/g, ' ').trim().replaceAll('-->', '->');
  return { text, startMs: span.startMs, endMs: Math.max(span.startMs, span.endMs) };
}

function middleMs(word: Word): number {
  return (word.startMs + word.endMs) / 2;
}
