import type { Feature, ProviderAsk } from '../contract.ts';
import { onlyLanguage } from '../support/only-language.ts';
import type { AssemblyAiModel } from './models.ts';

/** The addresses of one account, below the base address. */
export interface AssemblyAiAddresses {
  readonly upload: string;
  readonly transcripts: string;
  /** One line of the list of transcripts, which every good key gets. */
  readonly keyCheck: string;
  transcript(id: string): string;
}

export function addressesOf(baseUrl: string): AssemblyAiAddresses {
  const base = baseUrl.replace(/\/+$/, '');
  return {
    upload: `${base}/v2/upload`,
    transcripts: `${base}/v2/transcript`,
    keyCheck: `${base}/v2/transcript?limit=1`,
    transcript: (id) => `${base}/v2/transcript/${encodeURIComponent(id)}`,
  };
}

/** The key as it is, without a scheme before it. */
export function assemblyAiHeaders(apiKey: string): Readonly<Record<string, string>> {
  return { authorization: apiKey, accept: 'application/json' };
}

type Wish = Pick<ProviderAsk, 'language' | 'prompt' | 'temperature' | 'wantLogprobs'>;

/** The body of `POST /v2/transcript`, and what it cannot ask for. */
export function transcriptRequest(
  { card, name }: AssemblyAiModel,
  uploadUrl: string,
  ask: Wish,
): { readonly body: string; readonly unmet: readonly Feature[] } {
  const unmet: Feature[] = [];
  const fields: Record<string, unknown> = { audio_url: uploadUrl, speech_models: [name] };
  const language = ask.language ?? onlyLanguage(card);
  if (language === null) fields.language_detection = true;
  else fields.language_code = language;
  if (ask.prompt) {
    if (card.features.includes('prompt')) fields.prompt = ask.prompt;
    else unmet.push('prompt');
  }
  if (ask.temperature !== null) {
    if (card.features.includes('temperature')) fields.temperature = ask.temperature;
    // Models without the parameter decode greedily: zero is what they do.
    else if (ask.temperature > 0) unmet.push('temperature');
  }
  if (ask.wantLogprobs) unmet.push('logprobs');
  return { body: JSON.stringify(fields), unmet };
}
