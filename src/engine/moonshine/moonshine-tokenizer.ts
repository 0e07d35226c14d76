import llamaTokenizer from 'llama-tokenizer-js';

/** Pieces of the Llama vocabulary; ids above are Moonshine's 768 specials, which stand for no text. */
const PIECES = 32_000;
/** `<unk>`, `<s>`, `</s>`. */
const FIRST_TEXT_ID = 3;
const WORD_START = '\u2581';

/** Moonshine writes with Llama's SentencePiece vocabulary. */
export class MoonshineTokenizer {
  readonly #cache = new Map<string, readonly number[]>();

  /** Token ids of one word with the space in front of it. */
  encodeWord(word: string): readonly number[] {
    const cached = this.#cache.get(word);
    if (cached) return cached;
    const ids = llamaTokenizer.encode(word, false, true);
    // Bounded: names and numbers would let it grow for as long as the process lives.
    if (this.#cache.size >= 20_000) this.#cache.clear();
    this.#cache.set(word, ids);
    return ids;
  }

  /** UTF-8 bytes of one token; a leading word mark is a space. */
  bytes(id: number): Uint8Array {
    if (id < FIRST_TEXT_ID || id >= PIECES) return new Uint8Array();
    const piece = llamaTokenizer.vocabById[id] ?? '';
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
    if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
    return new TextEncoder().encode(piece.replaceAll(WORD_START, ' '));
  }

  decode(ids: readonly number[]): string {
    return Buffer.concat(ids.map((id) => this.bytes(id))).toString('utf8');
  }
}
