import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answerEvents,
  answerJson,
  answerText,
  startFakeVendor,
  type VendorBehaviour,
} from '../../../test/helpers/fake-vendor.ts';
import { familyProvider, familyRecording } from '../../../test/helpers/family-provider.ts';
import { makeAudio } from '../../../test/helpers/made-audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { describeConformance } from '../conformance.ts';

const errorOf = (message: string) =>
  JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } });

/** Profile, the upstream's name of the model, and its reply in `recordings/`. */
const members: readonly (readonly [profileId: string, model: string, recording: string])[] = [
  ['openai', 'whisper-1', 'openai-whisper-1'],
  ['openai', 'gpt-4o-transcribe', 'openai-gpt-4o-transcribe'],
  ['openai', 'gpt-4o-transcribe-diarize', 'openai-gpt-4o-transcribe-diarize'],
  ['openai', 'gpt-transcribe', 'openai-gpt-transcribe'],
  ['azure', 'whisper', 'azure'],
  ['groq', 'whisper-large-v3', 'groq'],
  ['mistral', 'voxtral-mini-latest', 'mistral'],
  ['siliconflow', 'FunAudioLLM/SenseVoiceSmall', 'siliconflow'],
  ['fireworks', 'whisper-v3', 'fireworks'],
  ['together', 'openai/whisper-large-v3', 'together'],
  ['hugging-face', 'openai/whisper-large-v3', 'hugging-face'],
  ['speaches', 'Systran/faster-whisper-small', 'speaches'],
  ['vllm', 'whisper-large-v3', 'vllm'],
  ['whisper.cpp', 'ggml-base', 'whisper.cpp'],
  ['fluxscribe', 'flux-voice', 'fluxscribe'],
  ['openai-like', 'house-model', 'openai-like'],
];

// Each has a vendor of its own, and mostly waits.
describe('every dialect of the family', { concurrency: 8 }, () => {
  for (const [profileId, name, recording] of members) {
    describeConformance(`${profileId} with ${name}`, {
      modelId: 'vendor/model',
      goodText: 'Two tickets, please. Thanks.',
      goodVendor: answerText(familyRecording(`${recording}.json`), 200, { 'content-type': 'application/json' }),
      errorBody: errorOf,
      createProvider: (vendor) => familyProvider(profileId, name, vendor),
    });
  }
});

describe('a vendor that streams', () => {
  const delta = 'data: {"type":"transcript.text.delta","delta":"Two tickets. "}\n\n';

  async function stream(behaviour: VendorBehaviour, whileStreaming: (caller: AbortController) => void = () => {}) {
    const [vendor, made] = await Promise.all([startFakeVendor(behaviour), makeAudio()]);
    const provider = familyProvider('openai', 'gpt-4o-transcribe', {
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

describe('a recording that has to be decoded', () => {
  it('is passed on to another provider when it becomes too large for this one, and is not sent', async () => {
    const [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(1000)]);
    const timeouts = { baseMs: 20_000, perAudioMs: 0 };
    const provider = familyProvider('openai', 'whisper-1', { url: vendor.url, key: 'k', timeouts }, 20_000);
    const adts = { ...made.audio, probe: { ...made.audio.probe, container: 'adts', codec: 'aac' } } as const;
    await assert.rejects(
      provider.transcribe(
        {
          audio: adts,
          modelId: 'vendor/model',
          task: 'transcribe',
          language: null,
          prompt: null,
          temperature: null,
          wantWords: false,
          wantLogprobs: false,
        },
        { signal: new AbortController().signal, log: silentLog },
      ),
      { code: 'bad_gateway', next: 'try-other' },
    );
    assert.equal(vendor.requests.length, 0);
    await Promise.all([provider.close(), vendor.close(), made.remove()]);
  });
});
