import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { brokenModel } from './broken-model.ts';

/** SenseVoice's 25,055 tokens take 0.35 MB; no vocabulary of these models is near this. */
const MAX_BYTES = 16 * 2 ** 20;
/** What C++ streams take for space; JavaScript's `\s` is wider and would split tokens that sherpa-onnx does not. */
const SPACE = /[ \t\n\r\f\v]+/;
const SPECIAL = /^<.*>$/;
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;
/** SentencePiece's sign for a space. */
const BLANK_SIGN = '▁';
/** Highest UTF-8 byte of the characters that stand for bytes in icefall's byte-level vocabularies. */
const BYTE_LEVEL_TOP = 0xc6;

/** The tokens of a model, as its `tokens.txt` lists them, read as sherpa-onnx reads them. */
export class Vocabulary {
  /** Number of tokens. */
  readonly size: number;
  readonly symbols: ReadonlyMap<number, string>;
  readonly #ids = new Map<string, number>();
  readonly #lowerCased: boolean;

  private constructor(symbols: ReadonlyMap<number, string>) {
    this.size = symbols.size;
    this.symbols = symbols;
    const plain = [...symbols.values()].filter((one) => !SPECIAL.test(one)).join('');
    // Such a model writes "GOOD MORNING" because its training text had no case at all.
    this.#lowerCased = /\p{Lu}/u.test(plain) && !/\p{Ll}/u.test(plain);
    for (const [id, symbol] of symbols) {
      const shown = shownAs(symbol);
      if (!this.#ids.has(shown)) this.#ids.set(shown, id);
    }
  }

  /** Throws GatewayError for a file that sherpa-onnx would end the process over, or that we cannot turn into words. */
  static async read(path: string): Promise<Vocabulary> {
    const name = basename(path);
    let bytes: Uint8Array;
    try {
      if ((await stat(path)).size > MAX_BYTES) throw new RangeError(`longer than ${MAX_BYTES} bytes`);
      bytes = await readFile(path);
    } catch (thrown) {
      throw brokenModel(name, 'cannot be read', thrown);
    }
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (thrown) {
      throw brokenModel(name, 'is not UTF-8', thrown);
    }
    const symbols = new Map<number, string>();
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const [index, line] of lines.entries()) {
      const parts = line.split(SPACE).filter((part) => part !== '');
      const id = parts.at(-1) ?? '';
      if (parts.length > 2 || !/^\d{1,9}$/.test(id)) {
        throw brokenModel(name, `has no token and number in line ${index + 1}`);
      }
      // A number alone stands for the token that is a space. A repeated number changes nothing, as in sherpa-onnx.
      if (!symbols.has(Number(id))) symbols.set(Number(id), parts.length === 2 ? parts[0]! : ' ');
    }
    if (isByteLevel(symbols.values())) {
      throw brokenModel(name, 'spells characters as bytes (a byte-level vocabulary), which is not supported');
    }
    return new Vocabulary(symbols);
  }

  /** Whether the ids are 0 to `count` - 1, without a gap. */
  covers(count: number): boolean {
    for (let id = 0; id < count; id++) if (!this.symbols.has(id)) return false;
    return true;
  }

  /** The id of a token in sherpa-onnx's spelling (a space for a leading "▁"); null: there is none. */
  idOf(shown: string): number | null {
    return this.#ids.get(shown) ?? null;
  }

  /**
   * What a token in sherpa-onnx's spelling adds to the text, a leading space included, in UTF-8; nothing for tags such as
   * `<|Speech|>`. Vocabularies that know capitals alone give small letters: their case says nothing.
   */
  bytesOf(shown: string): Uint8Array {
    const byte = BYTE_TOKEN.exec(shown)?.[1];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    if (SPECIAL.test(shown.trim())) return new Uint8Array(0);
    const text = shown.replaceAll(BLANK_SIGN, ' ');
    return Buffer.from(this.#lowerCased ? text.toLowerCase() : text, 'utf8');
  }
}

function shownAs(symbol: string): string {
  return symbol.startsWith(BLANK_SIGN) ? ` ${symbol.slice(1)}` : symbol;
}

/** sherpa-onnx's own test: nothing above 0xC6 occurs, and 0xC6 does. */
function isByteLevel(symbols: Iterable<string>): boolean {
  let top = 0;
  for (const symbol of symbols) {
    for (const byte of Buffer.from(symbol.startsWith(BLANK_SIGN) ? symbol.slice(1) : symbol, 'utf8')) {
      top = Math.max(top, byte);
    }
  }
  return top === BYTE_LEVEL_TOP;
}
