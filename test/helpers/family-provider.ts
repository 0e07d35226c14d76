import { readFileSync } from 'node:fs';
import { createGuardedFetch } from '../../src/net/guarded-fetch.ts';
import type { ConformanceVendor } from '../../src/providers/conformance.ts';
import type { ModelCard, Provider } from '../../src/providers/contract.ts';
import { createOpenAiCompatibleProvider } from '../../src/providers/openai-compatible/openai-compatible-provider.ts';
import { featuresOf, traitsOf } from '../../src/providers/openai-compatible/profile.ts';
import { findProfile } from '../../src/providers/openai-compatible/profiles.ts';

/** A provider of OpenAI's dialect with one model, `vendor/model`, that is called `name` over there. */
export function familyProvider(
  profileId: string,
  name: string,
  { url, key, timeouts }: ConformanceVendor,
  maxUploadBytes: number | null = null,
): Provider {
  const profile = findProfile(profileId);
  if (!profile) throw new Error(`there is no profile '${profileId}'`);
  const traits = traitsOf(profile, name);
  const card: ModelCard = {
    id: 'vendor/model',
    features: featuresOf(traits),
    languages: ['*'],
    maxDurationMs: null,
    maxUploadBytes,
  };
  const http = createGuardedFetch({ trustedOrigins: [url] });
  const provider = createOpenAiCompatibleProvider({
    id: 'vendor',
    profile,
    baseUrl: url,
    apiKey: key,
    models: () => [card],
    findModel: (id) => (id === card.id ? { card, name, traits } : null),
    http,
    timeouts,
  });
  return { ...provider, close: () => http.close() };
}

/** A recorded reply of the family, as text. */
export function familyRecording(file: string): string {
  const folder = new URL('../../src/providers/openai-compatible/recordings/', import.meta.url);
  return readFileSync(new URL(file, folder), 'utf8');
}
