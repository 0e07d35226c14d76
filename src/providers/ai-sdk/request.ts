import type { Feature, ProviderAsk } from '../contract.ts';
import type { ProviderOptions } from './transcription-model.ts';

/** How a package takes what callers may say; the specification itself has no field for any of it. */
interface PackageDialect {
  /** Key of its options. */
  readonly key: string;
  readonly language: string;
  /** Switches off its own finding out where a language is named. */
  readonly detection?: string;
  readonly prompt?: string;
  readonly temperature?: string;
}

/**
 * By the first part of `model.provider`. From the packages' option schemas: openai 4.0, azure 4.0, groq 4.0, mistral 4.0,
 * deepgram 3.1, assemblyai 3.0, elevenlabs 3.0, fal 3.0, gladia 3.0, revai 3.0.
 */
const dialects: Readonly<Record<string, PackageDialect>> = {
  openai: { key: 'openai', language: 'language', prompt: 'prompt', temperature: 'temperature' },
  azure: { key: 'openai', language: 'language', prompt: 'prompt', temperature: 'temperature' },
  groq: { key: 'groq', language: 'language', prompt: 'prompt', temperature: 'temperature' },
  mistral: { key: 'mistral', language: 'language', temperature: 'temperature' },
  deepgram: { key: 'deepgram', language: 'language', detection: 'detectLanguage' },
  assemblyai: {
    key: 'assemblyai',
    language: 'languageCode',
    detection: 'languageDetection',
    prompt: 'prompt',
    temperature: 'temperature',
  },
  elevenlabs: { key: 'elevenlabs', language: 'languageCode' },
  fal: { key: 'fal', language: 'language' },
  gladia: { key: 'gladia', language: 'language', detection: 'detectLanguage', prompt: 'contextPrompt' },
  revai: { key: 'revai', language: 'language' },
};

type Wish = Pick<ProviderAsk, 'language' | 'prompt' | 'temperature' | 'wantLogprobs'>;

/**
 * The operator's options with what the caller asked for laid over them, and what this package cannot be told. A package
 * that is not in the table is told nothing but the operator's options.
 */
export function optionsFor(
  modelProvider: string,
  operators: ProviderOptions,
  ask: Wish,
): { readonly providerOptions: ProviderOptions; readonly unmet: readonly Feature[] } {
  const [name = ''] = modelProvider.split('.', 1);
  const dialect = Object.hasOwn(dialects, name) ? dialects[name] : undefined;
  const unmet: Feature[] = [];
  const wishes: Record<string, unknown> = {};
  if (ask.language !== null) {
    if (dialect) {
      wishes[dialect.language] = ask.language;
      if (dialect.detection) wishes[dialect.detection] = false;
    } else unmet.push('language');
  }
  if (ask.prompt) {
    if (dialect?.prompt) wishes[dialect.prompt] = ask.prompt;
    else unmet.push('prompt');
  }
  if (ask.temperature !== null) {
    if (dialect?.temperature) wishes[dialect.temperature] = ask.temperature;
    // Models without the parameter decode greedily: zero is what they do.
    else if (ask.temperature > 0) unmet.push('temperature');
  }
  if (ask.wantLogprobs) unmet.push('logprobs');
  const key = dialect?.key;
  const providerOptions =
    key === undefined || Object.keys(wishes).length === 0
      ? operators
      : { ...operators, [key]: { ...operators[key], ...wishes } };
  return { providerOptions, unmet };
}
