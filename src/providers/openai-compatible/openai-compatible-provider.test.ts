import type { VendorBehaviour } from '../../../test/helpers/fake-vendor.ts';
import { answerJson } from '../../../test/helpers/fake-vendor.ts';
import { createGuardedFetch } from '../../net/guarded-fetch.ts';
import { type ConformanceVendor, describeConformance } from '../conformance.ts';
import type { ModelCard, Provider } from '../contract.ts';
import { createOpenAiCompatibleProvider } from './openai-compatible-provider.ts';
import { featuresOf, traitsOf } from './profile.ts';
import { findProfile } from './profiles.ts';

const errorOf = (message: string) =>
  JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } });

const verbose = answerJson({
  task: 'transcribe',
  language: 'english',
  duration: 1.9,
  text: ' Two tickets, please. Thanks.',
  segments: [
    {
      id: 0,
      start: 0,
      end: 1.3199999,
      text: ' Two tickets, please.',
      avg_logprob: -0.2,
      no_speech_prob: 0.01,
      tokens: [1],
    },
    { id: 1, start: 1.3, end: 2.4, text: ' Thanks.', avg_logprob: -0.3, no_speech_prob: 0.02, tokens: [2] },
  ],
  words: [
    { word: 'Two', start: 0.1, end: 0.3 },
    { word: 'tickets', start: 0.3, end: 0.8 },
    { word: 'please', start: 0.8, end: 1.3 },
    { word: 'Thanks', start: 1.25, end: 9.9 },
  ],
  usage: { type: 'duration', seconds: 2 },
});

const bare = answerJson({ text: 'Two tickets, please. Thanks.' });

/** Profile, the upstream's name of the model, and how it answers when all is well. */
const members: readonly (readonly [profileId: string, model: string, goodVendor: VendorBehaviour])[] = [
  ['openai', 'whisper-1', verbose],
  ['openai', 'gpt-4o-transcribe', bare],
  ['azure', 'my-whisper', bare],
  [
    'mistral',
    'voxtral-mini-latest',
    answerJson({
      model: 'voxtral-mini-2602',
      text: 'Two tickets, please. Thanks.',
      language: null,
      segments: [
        { type: 'transcription_segment', text: ' Two tickets, please. Thanks.', start: 0, end: 1.9, score: 0.9 },
      ],
      usage: { prompt_audio_seconds: 2, prompt_tokens: 4, completion_tokens: 7, total_tokens: 11 },
    }),
  ],
  [
    'siliconflow',
    'FunAudioLLM/SenseVoiceSmall',
    answerJson({ text: '<|en|><|NEUTRAL|><|Speech|>Two tickets, please. Thanks.' }),
  ],
  [
    'whisper.cpp',
    'ggml-base',
    answerJson({
      text: ' Two tickets, please. Thanks.\n',
      language: 'english',
      segments: [
        {
          id: 0,
          text: ' Two tickets, please. Thanks.',
          start: 0,
          end: 1.9,
          words: [
            { word: ' Two', start: 0, end: 0.3, t_dtw: -1, probability: 0.9 },
            { word: ' tick', start: 0.3, end: 0.6, t_dtw: -1, probability: 0.9 },
            { word: 'ets', start: 0.6, end: 0.8, t_dtw: -1, probability: 0.8 },
          ],
        },
      ],
    }),
  ],
  [
    'hugging-face',
    'openai/whisper-large-v3',
    answerJson({
      text: ' Two tickets, please. Thanks.',
      chunks: [
        { text: ' Two tickets, please.', timestamp: [0, 1.3] },
        { text: ' Thanks.', timestamp: [1.3, null] },
      ],
    }),
  ],
];

for (const [profileId, name, goodVendor] of members) {
  describeConformance(`${profileId} with ${name}`, {
    modelId: 'vendor/model',
    goodText: 'Two tickets, please. Thanks.',
    goodVendor,
    errorBody: errorOf,
    createProvider: (vendor) => providerOf(profileId, name, vendor),
  });
}

function providerOf(profileId: string, name: string, { url, key, timeouts }: ConformanceVendor): Provider {
  const profile = findProfile(profileId)!;
  const traits = traitsOf(profile, name);
  const card: ModelCard = {
    id: 'vendor/model',
    features: featuresOf(traits),
    languages: ['*'],
    maxDurationMs: null,
    maxUploadBytes: null,
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
