import type { ModelTraits, Profile } from './profile.ts';

/**
 * The dialects as data. Facts are from the vendors' SDKs and pages and the servers' sources as of November 2026 (OpenAI's
 * OpenAPI file, groq-sdk 1.6, together-ai 0.52, @mistralai/mistralai 2.7, @huggingface/inference 4.13, SiliconFlow's and
 * Fireworks' pages, Speaches, whisper.cpp's examples/server, vLLM); no adapter has met the real service from here.
 */

/** Takes a file and gives text. What an unknown model is asked for: nothing that it could refuse. */
const plain: ModelTraits = {
  times: null,
  words: false,
  format: false,
  language: null,
  languageOrTimes: false,
  prompt: false,
  temperature: false,
  logprobs: false,
  stream: null,
  translate: false,
  extra: [],
};

const json: ModelTraits = { ...plain, format: true, language: 'language', prompt: true, temperature: true };

const whisper: ModelTraits = { ...json, times: 'verbose_json', words: true, translate: true };

const openaiModels: Profile['models'] = [
  // It answers plain JSON to stream=true without a word.
  ['whisper', whisper],
  [
    'gpt-4o-transcribe-diarize',
    {
      ...json,
      times: 'diarized_json',
      prompt: false,
      stream: 'segments',
      // Without it anything over 30 s is refused.
      extra: [['chunking_strategy', 'auto']],
    },
  ],
  ['gpt-4o', { ...json, logprobs: true, stream: 'deltas' }],
  ['gpt-transcribe', { ...json, language: 'languages[]', temperature: false, stream: 'deltas' }],
  ['', { ...json, temperature: false }],
];

const form = {
  path: '/audio/transcriptions',
  translationPath: '/audio/translations',
  keyCheck: '/models',
  query: '',
  auth: 'bearer',
  upload: 'form',
  namesModel: true,
  granularityField: 'timestamp_granularities[]',
  languageWhenUnknown: null,
  wavOnly: false,
  decoded: new Set(),
  hosts: new Map(),
} as const satisfies Partial<Profile>;

/** OpenAI's list of what it takes has every container that is known here but this one; Azure and Groq share it. */
const notOpenAis: Profile['decoded'] = new Set(['adts']);

const openai: Profile = {
  ...form,
  id: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  decoded: notOpenAis,
  models: openaiModels,
};

/** One path for all deployments; the model's name is the deployment's. */
const azure: Profile = {
  ...form,
  id: 'azure',
  baseUrl: null,
  path: '/openai/v1/audio/transcriptions',
  translationPath: '/openai/v1/audio/translations',
  keyCheck: '/openai/v1/models',
  query: 'api-version=v1',
  auth: 'api-key',
  decoded: notOpenAis,
  models: openaiModels,
};

/** The addresses before v1, which want a dated `api-version`. */
const azureClassic: Profile = {
  ...azure,
  id: 'azure-classic',
  path: '/openai/deployments/{model}/audio/transcriptions',
  translationPath: '/openai/deployments/{model}/audio/translations',
  keyCheck: '/openai/models',
  query: '',
};

const groq: Profile = {
  ...form,
  id: 'groq',
  baseUrl: 'https://api.groq.com',
  path: '/openai/v1/audio/transcriptions',
  translationPath: '/openai/v1/audio/translations',
  keyCheck: '/openai/v1/models',
  decoded: notOpenAis,
  models: [
    ['whisper-large-v3-turbo', { ...whisper, translate: false }],
    ['distil-whisper', { ...whisper, translate: false }],
    ['', whisper],
  ],
};

const mistral: Profile = {
  ...form,
  id: 'mistral',
  baseUrl: 'https://api.mistral.ai',
  path: '/v1/audio/transcriptions',
  translationPath: null,
  keyCheck: '/v1/models',
  granularityField: 'timestamp_granularities',
  models: [
    [
      'voxtral-mini-2507',
      {
        ...plain,
        times: 'granularity',
        language: 'language',
        languageOrTimes: true,
        temperature: true,
        stream: 'deltas',
      },
    ],
    // `word` is refused by the current models.
    ['', { ...plain, times: 'granularity', language: 'language', temperature: true, stream: 'deltas' }],
  ],
};

const siliconflow: Profile = {
  ...form,
  id: 'siliconflow',
  baseUrl: 'https://api.siliconflow.cn/v1',
  translationPath: null,
  models: [['', plain]],
};

const fireworks: Profile = {
  ...form,
  id: 'fireworks',
  baseUrl: 'https://audio-prod.api.fireworks.ai/v1',
  // The hosts of its speech models have transcriptions only.
  keyCheck: 'https://api.fireworks.ai/inference/v1/models',
  hosts: new Map([['whisper-v3-turbo', 'https://audio-turbo.api.fireworks.ai/v1']]),
  models: [
    ['whisper-v3-turbo', { ...whisper, translate: false }],
    ['', whisper],
  ],
};

const together: Profile = {
  ...form,
  id: 'together',
  baseUrl: 'https://api.together.ai/v1',
  models: [
    ['openai/whisper', whisper],
    ['', { ...json, times: 'verbose_json' }],
  ],
};

const huggingFace: Profile = {
  ...form,
  id: 'hugging-face',
  baseUrl: 'https://router.huggingface.co',
  path: '/hf-inference/models/{model}',
  translationPath: null,
  // Its router lists models to everybody.
  keyCheck: 'https://huggingface.co/api/whoami-v2',
  upload: 'hugging-face',
  models: [['', { ...plain, times: 'granularity', temperature: true }]],
};

const speaches: Profile = {
  ...form,
  id: 'speaches',
  baseUrl: null,
  models: [['', { ...whisper, stream: 'phrases' }]],
};

/** verbose_json depends on the model: say `like: whisper` for one that has it. */
const vllm: Profile = {
  ...form,
  id: 'vllm',
  baseUrl: null,
  models: [
    ['whisper', { ...whisper, words: false, stream: 'deltas' }],
    ['', { ...json, stream: 'deltas', translate: false }],
  ],
};

/** One model, one request at a time; its own default is English, not finding out. */
const whisperCpp: Profile = {
  ...form,
  id: 'whisper.cpp',
  baseUrl: null,
  path: '/inference',
  translationPath: '/inference',
  keyCheck: null,
  namesModel: false,
  languageWhenUnknown: 'auto',
  wavOnly: true,
  models: [['', whisper]],
};

const fluxscribe: Profile = {
  ...form,
  id: 'fluxscribe',
  baseUrl: null,
  models: [['', { ...whisper, logprobs: true, stream: 'phrases' }]],
};

/** Any other server that speaks OpenAI's dialect; it is asked for what most have. */
const openaiLike: Profile = {
  ...form,
  id: 'openai-like',
  baseUrl: null,
  models: [
    ['whisper', whisper],
    ['gpt-4o', { ...json, logprobs: true, stream: 'deltas' }],
    ['', json],
  ],
};

const all = [
  openai,
  azure,
  azureClassic,
  groq,
  mistral,
  siliconflow,
  fireworks,
  together,
  huggingFace,
  speaches,
  vllm,
  whisperCpp,
  fluxscribe,
  openaiLike,
] as const;

const byId: ReadonlyMap<string, Profile> = new Map(all.map((profile) => [profile.id, profile]));

/** The profile of this id; null: there is none. */
export function findProfile(id: string): Profile | null {
  return byId.get(id) ?? null;
}
