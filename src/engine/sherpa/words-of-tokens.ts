import type { HeardToken } from '../protocol.ts';
import type { HeardPieceToken } from './sherpa-decoder.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A word with the times of its tokens, from the start of the piece. */
export interface TokenWord {
  readonly text: string;
  /** Follows the word before it without a space. */
  readonly glued: boolean;
  readonly startMs: number;
  /** When its last token begins. */
  readonly lastTokenMs: number;
  /** null: the model does not say how long the last token lasts. */
  readonly endMs: number | null;
  /** Empty when the model gives no log-probabilities. */
  readonly tokens: readonly HeardToken[];
}

/** Scripts that are written without spaces: each of their tokens is a word. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** What belongs to the word before it: closing and other punctuation, marks, and the sign that lengthens a kana. */
const TRAILING = /^[\p{M}\p{Pe}\p{Pf}\p{Po}\p{Pd}ー]+$/u;

/** One character or more that a token, or several byte tokens together, spell. */
interface Unit {
  readonly text: string;
  readonly tokens: readonly HeardPieceToken[];
}

interface OpenWord {
  text: string;
  readonly glued: boolean;
  readonly tokens: HeardPieceToken[];
}

/**
 * Tokens put together to words: a leading space begins a word (SentencePiece, BPE); in scripts without spaces every token
 * does, glued to the word before it, and punctuation closes on it. Tags and special tokens are left out.
 */
export function wordsOfTokens(tokens: readonly HeardPieceToken[], vocabulary: Vocabulary): TokenWord[] {
  const words: OpenWord[] = [];
  let spaceBefore = true;
  for (const { text, tokens: of } of unitsOf(tokens, vocabulary)) {
    const bare = text.trim();
    if (bare === '') {
      spaceBefore = true;
      continue;
    }
    const spaced = spaceBefore || /^\s/u.test(text);
    spaceBefore = /\s$/u.test(text);
    const before = words.at(-1);
    if (!before) words.push({ text: bare, glued: false, tokens: [...of] });
    else if (spaced) {
      // Some vocabularies put a space before each Chinese character.
      words.push({ text: bare, glued: UNSPACED.test(before.text.at(-1)!) && UNSPACED.test(bare[0]!), tokens: [...of] });
    } else if (TRAILING.test(bare) || !(UNSPACED.test(before.text) || UNSPACED.test(bare))) {
      before.text += bare;
      before.tokens.push(...of);
    } else words.push({ text: bare, glued: true, tokens: [...of] });
  }
  return words.map((word) => finished(word, vocabulary));
}

function finished({ text, glued, tokens }: OpenWord, vocabulary: Vocabulary): TokenWord {
  const last = tokens.at(-1)!;
  const heard = tokens.map((token) => heardToken(token, vocabulary));
  return {
    text,
    glued,
    startMs: tokens[0]!.startMs,
    lastTokenMs: last.startMs,
    endMs: last.endMs,
    tokens: heard.every((one) => one !== null) ? heard : [],
  };
}

function heardToken(token: HeardPieceToken, vocabulary: Vocabulary): HeardToken | null {
  const id = vocabulary.idOf(token.shown);
  if (id === null || token.logprob === null) return null;
  return { id, bytes: vocabulary.bytesOf(token.shown), logprob: token.logprob };
}

/** Tokens with their text; neighbouring tokens that are single bytes of one character stay together. */
function unitsOf(tokens: readonly HeardPieceToken[], vocabulary: Vocabulary): Unit[] {
  const units: Unit[] = [];
  let run: HeardPieceToken[] = [];
  const endRun = () => {
    if (run.length > 0) units.push({ text: textOf(run, vocabulary), tokens: run });
    run = [];
  };
  for (const token of tokens) {
    const bytes = vocabulary.bytesOf(token.shown);
    if (bytes.length === 0) continue;
    // A byte from 0xC0 on begins a character, those from 0x80 on go with it, and anything less stands for itself.
    const alone = bytes.length > 1 || bytes[0]! < 0x80;
    if (alone || bytes[0]! >= 0xc0) endRun();
    if (alone) units.push({ text: textOf([token], vocabulary), tokens: [token] });
    else run.push(token);
  }
  endRun();
  return units;
}

function textOf(tokens: readonly HeardPieceToken[], vocabulary: Vocabulary): string {
  return Buffer.concat(tokens.map((one) => vocabulary.bytesOf(one.shown))).toString('utf8');
}
