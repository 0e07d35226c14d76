/**
 * The model behind a name that is pinned to a day, as OpenAI writes them: `gpt-4o-mini-transcribe-2025-12-15` →
 * `gpt-4o-mini-transcribe`. null: the name is not pinned.
 */
export function unpinnedName(name: string): string | null {
  return /^(.+)-\d{4}-\d{2}-\d{2}$/.exec(name)?.[1] ?? null;
}
