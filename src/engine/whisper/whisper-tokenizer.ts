import type { Tokenizer } from '../speech-model.ts';

/** Pieces in which text is broken before bytes are joined; GPT-2's pattern, which both of Whisper's vocabularies use. */
const PIECE = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
/** Bounded: names and numbers would let the cache grow for as long as the process lives. */
const CACHED_PIECES = 20_000;

/**
 * Whisper's byte-pair vocabulary out of `tokens.txt` (lines of base64 and number). The merges need no list of their own:
 * of two merges, the one whose token has the lower number was learnt first.
 */
export class WhisperTokenizer implements Tokenizer {
  readonly #bytes = new Map<number, Uint8Array>();
  /** Numbers by their bytes, written as one character a byte. */
  readonly #ids = new Map<string, number>();
  readonly #cache = new Map<string, readonly number[]>();

  /** `lines` is the content of `tokens.txt`. Throws when a single byte has no token: then it is another kind of file. */
  constructor(lines: string) {
    for (const line of lines.split('\n')) {
      const match = /^(\S*)\s+(\d+)\s*$/.exec(line);
      if (!match) continue;
      const bytes = Buffer.from(match[1]!, 'base64');
      const id = Number(match[2]);
      this.#bytes.set(id, bytes);
      // The empty token stands for nothing, and of equal tokens the first was learnt.
      const key = bytes.toString('latin1');
      if (bytes.length > 0 && !this.#ids.has(key)) this.#ids.set(key, id);
    }
    for (let byte = 0; byte < 256; byte++) {
      if (!this.#ids.has(String.fromCharCode(byte))) throw new Error('tokens.txt is not a Whisper vocabulary');
    }
  }

  /** Token ids of one word with the space in front of it; without the space when it is `glued` to the word before. */
  encodeWord(word: string, glued = false): readonly number[] {
    return this.encode(glued ? word : ` ${word}`);
  }

  /** Token ids of any text. */
  encode(text: string): number[] {
    return (text.match(PIECE) ?? []).flatMap((piece) => {
      const cached = this.#cache.get(piece);
      if (cached) return cached;
      const ids = this.#join(piece);
      if (this.#cache.size >= CACHED_PIECES) this.#cache.clear();
      this.#cache.set(piece, ids);
      return ids;
    });
  }

  /** UTF-8 bytes of one token, which may be part of a character; none for ids that stand for no text. */
  bytes(id: number): Uint8Array {
    return this.#bytes.get(id) ?? new Uint8Array();
  }

  #join(piece: string): number[] {
    const parts = [...Buffer.from(piece, 'utf8').toString('latin1')];
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      let place = -1;
      for (let index = 1; index < parts.length; index++) {
        const id = this.#ids.get(parts[index - 1]! + parts[index]!) ?? Number.POSITIVE_INFINITY;
        if (id < best) {
          best = id;
          place = index - 1;
        }
      }
      if (place < 0) return parts.map((part) => this.#ids.get(part)!);
      parts.splice(place, 2, parts[place]! + parts[place + 1]!);
    }
  }
}
