/** What a request consumed, in the two shapes of OpenAI's `usage`. */
export type Usage =
  | { readonly type: 'duration'; readonly durationMs: number }
  | {
      readonly type: 'tokens';
      readonly inputTokens: number;
      readonly outputTokens: number;
      readonly audioTokens: number;
      readonly textTokens: number;
    };
