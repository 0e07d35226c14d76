/**
 * A recogniser that writes text token by token while it listens to one window of sound, and that can be made to follow a
 * text that is already known. Recognition, log-probabilities, word times and the choice between two models' words are all
 * built on these calls.
 */
export interface SpeechModel<Encoded = unknown> {
  readonly tokenizer: Tokenizer;
  /** Samples (16 kHz) that one frame of the attention stands for. */
  readonly frameSamples: number;
  /** Longest sound that `encode` takes, in samples; what is longer has to be cut. */
  readonly maxSamples: number;
  /** ISO-639-1 codes of what it understands. One entry: it knows no other, and never identifies. */
  readonly languages: readonly string[];
  readonly tasks: readonly SpeechTask[];
  encode(pcm: Float32Array): Promise<Encoded>;
  /** Which language is spoken, likeliest first, out of one decoder step over a window that is encoded already. */
  identify(window: Encoded): Promise<readonly LanguageGuess[]>;
  /** Writes what it hears, likeliest token first. `shouldStop` is asked before each token. */
  greedy(window: Encoded, ask: DecodeAsk, shouldStop: () => boolean): Promise<GreedyResult>;
  /** Scores known tokens in one pass and shows where the decoder listened for each. */
  forced(window: Encoded, ask: DecodeAsk, ids: readonly number[]): Promise<ForcedResult>;
  /**
   * Natural-log probability of each text with its end, for texts that are to be compared with each other and with nothing
   * else: what they have in common is computed once.
   */
  scores(window: Encoded, ask: DecodeAsk, texts: readonly (readonly number[])[]): Promise<readonly number[]>;
}

export type SpeechTask = 'transcribe' | 'translate';

/** What the decoder is told before it writes. */
export interface DecodeAsk {
  /** One of the model's `languages`. */
  readonly language: string;
  readonly task: SpeechTask;
}

export interface LanguageGuess {
  /** ISO-639-1 code. */
  readonly language: string;
  /** 0..1 over the model's languages. */
  readonly probability: number;
}

export interface Tokenizer {
  /** Token ids of one word with the space in front of it; without the space when it is `glued` to the word before. */
  encodeWord(word: string, glued?: boolean): readonly number[];
  /** UTF-8 bytes of one token; a word's first token begins with a space. */
  bytes(id: number): Uint8Array;
}

export interface GreedyResult {
  /** Without start and end. */
  readonly ids: readonly number[];
  /** Natural-log probability of each token. */
  readonly logprobs: readonly number[];
  /** The model ended the text itself; otherwise a limit or `shouldStop` did. */
  readonly ended: boolean;
  /** The model's own probability that nobody speaks, 0..1; null when it has no such token. */
  readonly noSpeechProbability: number | null;
}

export interface ForcedResult {
  /** Natural-log probability of each given token after those before it. */
  readonly logprobs: readonly number[];
  /** Natural-log probability of ending after them. */
  readonly endLogprob: number;
  /**
   * Cross-attention of the heads that look at the sound of the token that is being written, [head][token][frame] in one
   * block; row i is the pass that writes token i, the last row the end.
   */
  readonly attention: Float32Array;
  readonly frames: number;
}
