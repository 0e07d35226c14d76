/** How each attempt of a request ended, in order, as `x-flux-fallback` writes it: `openai/whisper-1;timeout`. */
export function attemptPath(attempts: readonly { readonly modelId: string; readonly outcome: string }[]): string[] {
  return attempts.map(({ modelId, outcome }) => `${modelId};${outcome}`);
}
