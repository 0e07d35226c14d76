/** An attempt, as far as its line needs to know. */
interface EndedAttempt {
  readonly modelId: string;
  readonly outcome: string;
  readonly ownKey?: true;
}

/**
 * How each attempt of a request ended, in order, as `x-flux-fallback` writes it: `openai/whisper-1;timeout`; with the
 * account's own key `openai/whisper-1;provider_key_refused;own-key`.
 */
export function attemptPath(attempts: readonly EndedAttempt[]): string[] {
  return attempts.map(({ modelId, outcome, ownKey }) => `${modelId};${outcome}${ownKey ? ';own-key' : ''}`);
}
