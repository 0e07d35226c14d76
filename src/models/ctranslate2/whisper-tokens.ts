import { importError } from './import-error.ts';

/** The special tokens of a Whisper vocabulary, by number. */
export interface WhisperTokens {
  readonly endOfText: number;
  readonly startOfTranscript: number;
  readonly translate: number;
  readonly transcribe: number;
  readonly startOfPrevious: number;
  readonly startOfLanguageModel: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  /** A lone space. */
  readonly blank: number;
  /** In the order of their numbers. */
  readonly languages: readonly { readonly code: string; readonly token: number }[];
  readonly multilingual: boolean;
}

/** English-only models keep GPT-2's own vocabulary, which has so many tokens before `<|endoftext|>`; others have one more. */
const gpt2EndOfText = 50_256;

/** Finds the special tokens in the first `count` of a vocabulary. Throws a GatewayError that names the one that is missing. */
export function findWhisperTokens(vocabulary: readonly string[], count: number): WhisperTokens {
  const numbers = new Map<string, number>();
  for (const [number, token] of vocabulary.slice(0, count).entries()) {
    if (!numbers.has(token)) numbers.set(token, number);
  }
  const find = (...names: readonly string[]): number => {
    for (const name of names) {
      const number = numbers.get(name);
      if (number !== undefined) return number;
    }
    throw importError(`the vocabulary has no ${names.join(' or ')}.`);
  };
  const endOfText = find('<|endoftext|>');
  const startOfTranscript = find('<|startoftranscript|>');
  const translate = find('<|translate|>');
  const languages = languagesBetween(vocabulary, startOfTranscript, translate);
  const multilingual = endOfText !== gpt2EndOfText && languages.length > 1;
  return {
    endOfText,
    startOfTranscript,
    translate,
    transcribe: find('<|transcribe|>'),
    startOfPrevious: find('<|startofprev|>'),
    startOfLanguageModel: find('<|startoflm|>'),
    noSpeech: find('<|nospeech|>', '<|nocaptions|>'),
    noTimestamps: find('<|notimestamps|>'),
    blank: find('Ġ'),
    languages,
    multilingual,
  };
}

/** What precedes a transcript: the start, and for a multilingual model a language (English where known) and the task. */
export function startSequence(tokens: WhisperTokens): readonly number[] {
  if (!tokens.multilingual) return [tokens.startOfTranscript];
  const language = tokens.languages.find((one) => one.code === 'en') ?? tokens.languages[0];
  return [tokens.startOfTranscript, ...(language ? [language.token] : []), tokens.transcribe];
}

function languagesBetween(vocabulary: readonly string[], start: number, end: number): WhisperTokens['languages'] {
  return vocabulary
    .slice(0, end)
    .map((text, token) => ({ code: /^<\|([a-z]{2,3})\|>$/.exec(text)?.[1] ?? '', token }))
    .filter((one) => one.token > start && one.code !== '');
}

/**
 * sherpa's `tokens.txt`: each token's bytes in base64 and its number; special tokens, which come last, are left out.
 * Vocabularies spell bytes in GPT-2's alphabet, where printable bytes stand for themselves and the others for the
 * characters from U+0100 on.
 */
export function tokensText(vocabulary: readonly string[], endOfText: number): string {
  const bytes = gpt2Bytes();
  return vocabulary
    .slice(0, endOfText)
    .map((token, number) => `${bytesOf(token, bytes).toString('base64')} ${number}\n`)
    .join('');
}

/** A token that a fine-tune added in plain text has characters outside of the alphabet. */
function bytesOf(token: string, alphabet: ReadonlyMap<string, number>): Buffer {
  const bytes = Array.from(token, (character) => alphabet.get(character) ?? -1);
  return bytes.includes(-1) ? Buffer.from(token, 'utf8') : Buffer.from(bytes);
}

function gpt2Bytes(): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  let others = 0;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    bytes.set(String.fromCharCode(printable ? byte : 256 + others++), byte);
  }
  return bytes;
}
