import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import type { ProviderAsk } from '../contract.ts';
import { traitsOf } from './profile.ts';
import { findProfile } from './profiles.ts';
import { addressOf, buildFields, buildRequest } from './request.ts';

let made: MadeAudio;
before(async () => {
  made = await makeAudio(100);
});
after(() => made.remove());

const askWith = (more: Partial<ProviderAsk>): ProviderAsk => ({
  audio: made.audio,
  modelId: 'vendor/model',
  task: 'transcribe',
  language: null,
  prompt: null,
  temperature: null,
  wantWords: false,
  wantLogprobs: false,
  ...more,
});
const everything = { language: 'fr', prompt: 'Names.', temperature: 0.4, wantWords: true } as const;

function fieldsOf(profileId: string, name: string, more: Partial<ProviderAsk> = {}, wantEvents = false) {
  const profile = findProfile(profileId)!;
  const { fields, unmet, streams } = buildFields(
    profile,
    { name, traits: traitsOf(profile, name) },
    askWith(more),
    wantEvents,
  );
  return { sent: fields.map((field) => field.join('=')), unmet, streams };
}

describe('buildFields', () => {
  it('asks whisper-1 for everything', () => {
    assert.deepEqual(fieldsOf('openai', 'whisper-1', everything), {
      sent: [
        'model=whisper-1',
        'language=fr',
        'prompt=Names.',
        'temperature=0.4',
        'response_format=verbose_json',
        'timestamp_granularities[]=segment',
        'timestamp_granularities[]=word',
      ],
      unmet: [],
      streams: false,
    });
  });

  it('sends no model what it refuses, and says what is therefore not met', () => {
    assert.deepEqual(fieldsOf('openai', 'gpt-4o-transcribe', { ...everything, wantLogprobs: true }), {
      sent: ['model=gpt-4o-transcribe', 'language=fr', 'prompt=Names.', 'temperature=0.4', 'response_format=json'],
      unmet: ['word-times', 'logprobs'],
      streams: false,
    });
    assert.deepEqual(fieldsOf('openai', 'gpt-transcribe', everything), {
      sent: ['model=gpt-transcribe', 'languages[]=fr', 'prompt=Names.', 'response_format=json'],
      unmet: ['temperature', 'word-times'],
      streams: false,
    });
    assert.deepEqual(fieldsOf('siliconflow', 'FunAudioLLM/SenseVoiceSmall', everything), {
      sent: ['model=FunAudioLLM/SenseVoiceSmall'],
      unmet: ['language', 'prompt', 'temperature', 'word-times'],
      streams: false,
    });
    assert.deepEqual(fieldsOf('openai', 'some-future-model', everything).sent, [
      'model=some-future-model',
      'language=fr',
      'prompt=Names.',
      'response_format=json',
    ]);
  });

  it('gives the diarizing model the chunking that it needs', () => {
    assert.deepEqual(fieldsOf('openai', 'gpt-4o-transcribe-diarize', { prompt: 'x' }), {
      sent: ['model=gpt-4o-transcribe-diarize', 'response_format=diarized_json', 'chunking_strategy=auto'],
      unmet: ['prompt'],
      streams: false,
    });
  });

  it("spells lists without brackets for Mistral, and keeps a language from an old model's times", () => {
    assert.deepEqual(fieldsOf('mistral', 'voxtral-mini-latest', { language: 'fr', wantWords: true }), {
      sent: ['model=voxtral-mini-latest', 'language=fr', 'timestamp_granularities=segment'],
      unmet: ['word-times'],
      streams: false,
    });
    assert.deepEqual(fieldsOf('mistral', 'voxtral-mini-2507', { language: 'fr' }).sent, [
      'model=voxtral-mini-2507',
      'language=fr',
    ]);
  });

  it('asks for events only where the vendor streams and no times are wanted', () => {
    assert.equal(fieldsOf('openai', 'whisper-1', {}, true).streams, false);
    assert.deepEqual(fieldsOf('openai', 'gpt-4o-transcribe', { wantLogprobs: true }, true).sent.slice(-3), [
      'response_format=json',
      'include[]=logprobs',
      'stream=true',
    ]);
    assert.equal(fieldsOf('speaches', 'any', { wantWords: true }, true).streams, false);
    assert.equal(
      fieldsOf('openai', 'gpt-4o-transcribe-diarize', {}, true).sent.includes('response_format=diarized_json'),
      true,
    );
  });

  it('lets whisper.cpp find out the language, and translates by its own field', () => {
    assert.deepEqual(fieldsOf('whisper.cpp', 'any').sent.slice(0, 2), [
      'language=auto',
      'response_format=verbose_json',
    ]);
    assert.ok(fieldsOf('whisper.cpp', 'any', { task: 'translate', language: 'fr' }).sent.includes('translate=true'));
  });

  const wished = ['language=fr', 'prompt=Names.', 'temperature=0.4'];
  const verbose = [
    'response_format=verbose_json',
    'timestamp_granularities[]=segment',
    'timestamp_granularities[]=word',
  ];
  const dialects: readonly (readonly [profileId: string, model: string, sent: readonly string[], unmet: string[]])[] = [
    ['azure', 'whisper', ['model=whisper', ...wished, ...verbose], []],
    [
      'azure',
      'our-own-name',
      ['model=our-own-name', 'language=fr', 'prompt=Names.', 'response_format=json'],
      ['temperature', 'word-times'],
    ],
    ['groq', 'whisper-large-v3-turbo', ['model=whisper-large-v3-turbo', ...wished, ...verbose], []],
    ['fireworks', 'whisper-v3', ['model=whisper-v3', ...wished, ...verbose], []],
    ['together', 'openai/whisper-large-v3', ['model=openai/whisper-large-v3', ...wished, ...verbose], []],
    ['together', 'other/model', ['model=other/model', ...wished, ...verbose.slice(0, 2)], ['word-times']],
    ['speaches', 'any', ['model=any', ...wished, ...verbose], []],
    ['vllm', 'whisper-small', ['model=whisper-small', ...wished, ...verbose.slice(0, 2)], ['word-times']],
    ['vllm', 'other', ['model=other', ...wished, 'response_format=json'], ['word-times']],
    ['whisper.cpp', 'any', [...wished, ...verbose], []],
    ['fluxscribe', 'flux-voice', ['model=flux-voice', ...wished, ...verbose], []],
    ['openai-like', 'other', ['model=other', ...wished, 'response_format=json'], ['word-times']],
  ];
  for (const [profileId, model, sent, unmet] of dialects) {
    it(`spells everything for ${profileId} with ${model}`, () => {
      assert.deepEqual(fieldsOf(profileId, model, everything), { sent, unmet, streams: false });
    });
  }

  it("sends OpenAI's translation route no language and no granularities", () => {
    assert.deepEqual(fieldsOf('openai', 'whisper-1', { task: 'translate', language: 'fr' }).sent, [
      'model=whisper-1',
      'response_format=verbose_json',
    ]);
  });
});

describe('addressOf', () => {
  const at = (profileId: string, baseUrl: string | null, model = 'm', query: string | null = null) => {
    const profile = findProfile(profileId)!;
    return addressOf({ profile, baseUrl: baseUrl ?? profile.baseUrl ?? '', apiKey: null, query }, model, 'transcribe');
  };

  it('follows what each SDK means by its base address, with and without the version', () => {
    const rest = 'audio/transcriptions';
    assert.equal(at('openai', null), `https://api.openai.com/v1/${rest}`);
    for (const base of ['https://api.groq.com', 'https://api.groq.com/', 'https://api.groq.com/openai/v1']) {
      assert.equal(at('groq', base), `https://api.groq.com/openai/v1/${rest}`);
    }
    for (const base of ['https://api.mistral.ai', 'https://api.mistral.ai/v1']) {
      assert.equal(at('mistral', base), `https://api.mistral.ai/v1/${rest}`);
    }
    for (const base of [
      'https://r.openai.azure.com',
      'https://r.openai.azure.com/openai',
      'https://r.openai.azure.com/openai/v1/',
    ]) {
      assert.equal(at('azure', base), `https://r.openai.azure.com/openai/v1/${rest}?api-version=v1`);
    }
    assert.equal(
      at('azure-classic', 'https://r.openai.azure.com/openai', 'my whisper', 'api-version=2024-10-21'),
      `https://r.openai.azure.com/openai/deployments/my%20whisper/${rest}?api-version=2024-10-21`,
    );
    assert.equal(at('whisper.cpp', 'http://10.0.0.5:8080'), 'http://10.0.0.5:8080/inference');
    assert.equal(
      at('hugging-face', null, 'openai/whisper-large-v3'),
      'https://router.huggingface.co/hf-inference/models/openai/whisper-large-v3',
    );
  });

  it('finds the host that a model has of its own, unless the operator moved the vendor', () => {
    assert.match(at('fireworks', null, 'whisper-v3-turbo'), /^https:\/\/audio-turbo\./);
    assert.match(at('fireworks', null, 'whisper-v3'), /^https:\/\/audio-prod\./);
    assert.match(at('fireworks', 'http://proxy/v1', 'whisper-v3-turbo'), /^http:\/\/proxy\/v1\/audio/);
  });
});

describe('buildRequest', () => {
  const build = (profileId: string, more: Partial<ProviderAsk> = {}) => {
    const profile = findProfile(profileId)!;
    const model = { name: 'whisper-1', traits: traitsOf(profile, 'whisper-1') };
    const endpoint = { profile, baseUrl: 'http://box', apiKey: 'k', query: null };
    return buildRequest(endpoint, model, askWith(more), false, new AbortController().signal);
  };
  const sentBytes = async (request: ReturnType<typeof build>): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for await (const part of request.body.open()) parts.push(part);
    return Buffer.concat(parts);
  };

  it('announces exactly what it sends', async () => {
    for (const id of ['openai', 'hugging-face', 'whisper.cpp']) {
      const request = build(id);
      assert.equal((await sentBytes(request)).length, request.body.sizeBytes, id);
    }
  });

  it('carries the key where the vendor looks for it', () => {
    assert.equal(build('openai').headers.authorization, 'Bearer k');
    assert.deepEqual([build('azure').headers['api-key'], build('azure').headers.authorization], ['k', undefined]);
  });

  it('sends Hugging Face the very bytes in base64', async () => {
    const sent: unknown = JSON.parse((await sentBytes(build('hugging-face'))).toString());
    assert.deepEqual(sent, {
      inputs: Buffer.from(made.bytes).toString('base64'),
      parameters: { return_timestamps: true },
    });
  });

  it('decodes WAV of another width or rate for a server that understands one kind alone', () => {
    const { probe, stored } = made.audio;
    const sizeOf = (audio: ProviderAsk['audio']) => build('whisper.cpp', { audio }).body.sizeBytes;
    const asItIs = sizeOf(made.audio);
    // 24 bits a sample: half as much again, which is not what is sent.
    assert.equal(sizeOf({ ...made.audio, stored: { ...stored, sizeBytes: stored.sizeBytes * 1.5 } }), asItIs);
    const wide = { ...stored, sizeBytes: Math.round(stored.sizeBytes * 2.76) };
    assert.equal(sizeOf({ ...made.audio, stored: wide, probe: { ...probe, sampleRate: 44_100 } }), asItIs);
    assert.ok(build('openai', { audio: { ...made.audio, stored: wide } }).body.sizeBytes > asItIs);
  });

  it('decodes for a server that understands WAV alone', async () => {
    const opus = { ...made.audio, probe: { ...made.audio.probe, container: 'ogg', codec: 'opus' } } as const;
    const sent = await sentBytes(build('whisper.cpp', { audio: opus }));
    const at = sent.indexOf('RIFF');
    assert.equal(sent.readUInt32LE(at + 40), 3200);
    assert.ok(sent.includes('filename="audio.wav"'));
  });
});
