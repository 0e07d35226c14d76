/**
 * A recogniser that writes text token by token while it listens to one window of sound, and that can be made to follow a
 * text that is already known. Recognition, log-probabilities and word times are all built on these three calls.
 */
export interface SpeechModel<Encoded = unknown> {
  readonly tokenizer: Tokenizer;
  /** Samples (16 kHz) that one frame of the attention stands for. */
  readonly frameSamples: number;
  encode(pcm: Float32Array): Promise<Encoded>;
  /** Writes what it hears, likeliest token first. `shouldStop` is asked before each token. */
  greedy(window: Encoded, shouldStop: () => boolean): Promise<GreedyResult>;
  /** Scores known tokens in one pass and shows where the decoder listened for each. */
  forced(window: Encoded, ids: readonly number[]): Promise<ForcedResult>;
}

export interface Tokenizer {
  /** Token ids of one word with the space in front of it. */
  encodeWord(word: string): readonly number[];
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
