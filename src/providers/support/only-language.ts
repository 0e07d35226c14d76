import type { LanguageTag } from '../../transcript/transcript.ts';
import type { ModelCard } from '../contract.ts';

/** The language of a model that knows one alone; null: it knows several. */
export function onlyLanguage({ languages }: Pick<ModelCard, 'languages'>): LanguageTag | null {
  const [language, ...others] = languages;
  return language !== undefined && language !== '*' && others.length === 0 ? language : null;
}
