import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerEvents, answerJson, startFakeVendor, type VendorBehaviour } from '../../../test/helpers/fake-vendor.ts';
import { makeAudio } from '../../../test/helpers/made-audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
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

describe('a vendor that streams', () => {
  const delta = 'data: {"type":"transcript.text.delta","delta":"Two tickets. "}\n\n';

  async function stream(behaviour: VendorBehaviour, whileStreaming: (caller: AbortController) => void = () => {}) {
    const [vendor, made] = await Promise.all([startFakeVendor(behaviour), makeAudio()]);
    const provider = providerOf('openai', 'gpt-4o-transcribe', {
      url: vendor.url,
      key: 'k',
      timeouts: { baseMs: 20_000, perAudioMs: 0 },
    });
    const caller = new AbortController();
    const said: string[] = [];
    const result = await provider
      .transcribe(
        {
          audio: made.audio,
          modelId: 'vendor/model',
          task: 'transcribe',
          language: null,
          prompt: null,
          temperature: null,
          wantWords: false,
          wantLogprobs: false,
        },
        {
          signal: caller.signal,
          log: silentLog,
          onEvent(event) {
            if (event.type === 'segment-final') said.push(event.segment.text);
            whileStreaming(caller);
          },
        },
      )
      .then(
        ({ transcript }) => transcript.text,
        (thrown: unknown) => (thrown instanceof GatewayError ? thrown.code : thrown),
      );
    const ended = await vendor.requests[0]?.ended;
    await Promise.all([provider.close(), vendor.close(), made.remove()]);
    return { result, said, ended };
  }

  it('is heard as it speaks', async () => {
    const whole = `${delta}data: {"type":"transcript.text.done","text":"Two tickets."}\n\ndata: [DONE]\n\n`;
    assert.deepEqual(await stream(answerEvents([whole])), {
      result: 'Two tickets.',
      said: ['Two tickets.'],
      ended: 'complete',
    });
  });

  it('fails when it breaks off, politely or not', async () => {
    const polite = await stream(answerEvents([delta]));
    assert.deepEqual([polite.result, polite.said], ['bad_gateway', ['Two tickets.']]);
    const rude = await stream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(delta, () => response.destroy());
    });
    assert.deepEqual([rude.result, rude.said], ['bad_gateway', ['Two tickets.']]);
  });

  it('is cut off when the caller leaves in the middle', async () => {
    const endless = answerEvents(
      Array.from({ length: 2000 }, () => delta),
      1,
    );
    const { result, ended } = await stream(endless, (caller) => caller.abort());
    assert.deepEqual([result, ended], ['client_closed_request', 'cut']);
  });

  it('is heard whole when it does not stream after all', async () => {
    const { result, said } = await stream(answerJson({ text: 'Two tickets.' }));
    assert.deepEqual([result, said], ['Two tickets.', []]);
  });
});
