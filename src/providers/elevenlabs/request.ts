import type { Feature, ProviderAsk } from '../contract.ts';
import type { FormField } from '../support/multipart-upload.ts';
import { onlyLanguage } from '../support/only-language.ts';
import type { ElevenLabsModel } from './models.ts';

export function speechToTextUrl(baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/v1/speech-to-text`;
}

/** The list of models, which wants a key. */
export function keyCheckUrl(baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/v1/models`;
}

export function elevenLabsHeaders(apiKey: string): Readonly<Record<string, string>> {
  return { 'xi-api-key': apiKey, accept: 'application/json' };
}

type Wish = Pick<ProviderAsk, 'language' | 'prompt' | 'temperature'>;

/**
 * The form's fields before the file, and what they cannot ask for. Noises are not wanted as text, and speakers are not told
 * apart: both are on by default in places. There is no field for a prompt (`keyterms` takes single terms, at a price).
 */
export function formFields(
  model: ElevenLabsModel,
  ask: Wish,
): { readonly fields: readonly FormField[]; readonly unmet: readonly Feature[] } {
  const unmet: Feature[] = [];
  const fields: FormField[] = [
    ['model_id', model.name],
    ['timestamps_granularity', 'word'],
    ['tag_audio_events', 'false'],
    ['diarize', 'false'],
  ];
  const language = ask.language ?? onlyLanguage(model.card);
  if (language !== null) fields.push(['language_code', language]);
  if (ask.prompt) unmet.push('prompt');
  if (ask.temperature !== null) {
    if (model.card.features.includes('temperature')) fields.push(['temperature', String(ask.temperature)]);
    else if (ask.temperature > 0) unmet.push('temperature');
  }
  return { fields, unmet };
}
