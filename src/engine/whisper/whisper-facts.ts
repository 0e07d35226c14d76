import { toLanguageCode } from '../../core/language.ts';

/** What a Whisper export says about itself in the metadata of its encoder; token numbers unless said otherwise. */
export interface WhisperFacts {
  readonly melBands: number;
  readonly layers: number;
  /** Tokens that the decoder's caches hold at most. */
  readonly contextTokens: number;
  /** Width of the decoder's values, and how many heads share it. */
  readonly width: number;
  readonly heads: number;
  readonly vocabulary: number;
  readonly startOfTranscript: number;
  readonly endOfText: number;
  readonly noTimestamps: number;
  /** null: the model has no such token. */
  readonly noSpeech: number | null;
  readonly transcribe: number;
  readonly translate: number;
  /** The token of a lone space, which must not begin a text. */
  readonly blank: number;
  /** Tokens of speakers' names, music signs and brackets, which are no speech. */
  readonly nonSpeech: readonly number[];
  readonly multilingual: boolean;
  /** ISO-639-1 codes with the token of each; English alone for an English-only model, where the token is never used. */
  readonly languages: ReadonlyMap<string, number>;
}

/** Reads the metadata that sherpa-onnx's exports carry. Throws when a needed entry is missing: then it is no Whisper. */
export function readWhisperFacts(metadata: ReadonlyMap<string, string>): WhisperFacts {
  const number = (key: string, fallback?: number): number => {
    const value = metadata.get(key);
    if (value === undefined && fallback !== undefined) return fallback;
    if (value === undefined || !/^-?\d+$/.test(value)) throw new Error(`the Whisper export does not say its ${key}`);
    return Number(value);
  };
  const list = (key: string) => (metadata.get(key) ?? '').split(',').filter(Boolean);
  const multilingual = number('is_multilingual') === 1;
  const noSpeech = number('no_speech', -1);
  return {
    // Only large-v3 and what descends from it has other than 80 bands, and those exports say so.
    melBands: number('n_mels', 80),
    layers: number('n_text_layer'),
    contextTokens: number('n_text_ctx', 448),
    width: number('n_text_state'),
    heads: number('n_text_head', Math.floor(number('n_text_state') / 64)),
    vocabulary: number('n_vocab', multilingual ? 51_865 : 51_864),
    startOfTranscript: number('sot'),
    endOfText: number('eot'),
    noTimestamps: number('no_timestamps'),
    noSpeech: noSpeech < 0 ? null : noSpeech,
    transcribe: number('transcribe'),
    translate: number('translate'),
    blank: number('blank_id', 220),
    nonSpeech: list('non_speech_tokens').map(Number),
    multilingual,
    languages: multilingual
      ? languagesOf(list('all_language_codes'), list('all_language_tokens'))
      : new Map([['en', 0]]),
  };
}

function languagesOf(codes: readonly string[], tokens: readonly string[]): Map<string, number> {
  if (codes.length === 0 || codes.length !== tokens.length) {
    throw new Error('the Whisper export does not say its all_language_codes');
  }
  // Whisper's own spelling of Javanese is `jw`; the rest of the gateway says `jv`.
  return new Map(codes.map((code, index) => [toLanguageCode(code) ?? code, Number(tokens[index])]));
}
