import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { TranscriptionModelV2, TranscriptionModelV3, TranscriptionModelV4 } from '@ai-sdk/provider';
import {
  bridgeProvider,
  bridgeRecording,
  bridgeText,
  gladiaVendor,
  isGladiaCreation,
  isGladiaPoll,
  revAiVendor,
} from '../../../test/helpers/bridge-vendors.ts';
import { answerJson, type FakeVendor, formOf, startFakeVendor } from '../../../test/helpers/fake-vendor.ts';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import { silentLog } from '../../core/log.ts';
import { createGuardedFetch, type GuardedFetch } from '../../net/guarded-fetch.ts';
import type { Provider, ProviderAsk } from '../contract.ts';
import type { AiSdkProviderOptions } from './ai-sdk-provider.ts';
import { addressOf } from './bridge-fetch.ts';
import { loadPackage } from './load-package.ts';
import { heldBytesCeiling } from './models.ts';
import type { GenerateOptions, ModelFactory, TranscriptionModel } from './transcription-model.ts';

const text = bridgeText;
const folders = [import.meta.dirname];

describe('the bridge to the AI SDK', () => {
  let vendor: FakeVendor;
  let http: GuardedFetch;
  let made: MadeAudio;
  before(async () => {
    [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(2000)]);
    http = createGuardedFetch({ trustedOrigins: [vendor.url] });
  });
  after(async () => {
    await http.close();
    await Promise.all([vendor.close(), made.remove()]);
  });
  beforeEach(() => {
    vendor.requests.length = 0;
  });
  const ask = (modelName: string, more: Partial<ProviderAsk> = {}): ProviderAsk => ({
    audio: made.audio,
    modelId: `bridge/${modelName}`,
    task: 'transcribe',
    language: null,
    prompt: null,
    temperature: null,
    wantWords: true,
    wantLogprobs: false,
    ...more,
  });
  const call = () => ({ signal: new AbortController().signal, log: silentLog });
  const packaged = (name: string, modelName: string, more: Partial<AiSdkProviderOptions> = {}) =>
    bridgeProvider(modelName, {
      factory: loadPackage({ name, factory: null, folders }),
      apiKey: 'sk-bridge',
      baseUrl: vendor.url,
      http,
      ...more,
    });

  it("reads Gladia's words, speakers and confidences, which the AI SDK has no room for", async () => {
    vendor.behave(gladiaVendor);
    const { transcript, unmet } = await packaged('@ai-sdk/gladia', 'default').transcribe(ask('default'), call());
    assert.equal(transcript.language, 'en');
    assert.deepEqual(
      transcript.segments.map((one) => [one.text, one.startMs, one.endMs, one.speaker, one.confidence]),
      [
        ['Two tickets, please.', 120, 980, 'A', 0.91],
        ['Window seats?', 1200, 1900, 'B', 0.88],
      ],
    );
    assert.deepEqual(
      transcript.words?.map((one) => [one.text, one.startMs, one.speaker]),
      [
        ['Two', 120, 'A'],
        ['tickets,', 330, 'A'],
        ['please.', 700, 'A'],
        ['Window', 1200, 'B'],
        ['seats?', 1550, 'B'],
      ],
    );
    assert.deepEqual(unmet, []);
  });

  it("reads Rev AI's monologues: punctuation belongs to the word before it", async () => {
    vendor.behave(revAiVendor);
    const { transcript } = await packaged('@ai-sdk/revai', 'machine').transcribe(ask('machine'), call());
    assert.equal(transcript.words?.map((one) => one.text).join(' '), text);
    assert.deepEqual(
      transcript.segments.map((one) => [one.text, one.speaker]),
      [
        ['Two tickets, please.', 'A'],
        ['Window seats?', 'B'],
      ],
    );
  });

  it('gives the words of whisper-1 the spelling of its text', async () => {
    vendor.behave(answerJson(bridgeRecording('openai-verbose')));
    const { transcript } = await packaged('@ai-sdk/openai', 'whisper-1').transcribe(ask('whisper-1'), call());
    assert.equal(transcript.words?.map((one) => one.text).join(' '), text);
    assert.equal(transcript.segments.length, 2);
    const form = await formOf(vendor.requests[0]!);
    assert.deepEqual(form.getAll('timestamp_granularities[]'), ['word', 'segment']);
    const file = form.get('file');
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type], ['audio.wav', 'audio/wav']);
    assert.deepEqual(new Uint8Array(await file.arrayBuffer()), made.bytes);
  });

  it("asks after a job by our own clock, not by the package's minute", async () => {
    let asked = 0;
    vendor.behave((request, response) => {
      if (isGladiaPoll(request) && asked++ < 20)
        return answerJson(bridgeRecording('gladia-processing'))(request, response);
      return gladiaVendor(request, response);
    });
    const startedAt = performance.now();
    await packaged('@ai-sdk/gladia', 'default').transcribe(ask('default'), call());
    assert.equal(asked, 21);
    // The package itself sleeps a second between two questions.
    assert.ok(performance.now() - startedAt < 15_000);
  });

  it('ends a job that never ends', async () => {
    vendor.behave((request, response) =>
      (isGladiaPoll(request) ? answerJson(bridgeRecording('gladia-processing')) : gladiaVendor)(request, response),
    );
    const timeouts = { baseMs: 200, perAudioMs: 0 };
    await assert.rejects(packaged('@ai-sdk/gladia', 'default', { timeouts }).transcribe(ask('default'), call()), {
      code: 'timeout',
      next: 'try-other',
    });
  });

  it('lets another provider try when the job itself fails', async () => {
    vendor.behave((request, response) =>
      (isGladiaPoll(request) ? answerJson({ status: 'error', error_code: 500 }) : gladiaVendor)(request, response),
    );
    await assert.rejects(packaged('@ai-sdk/gladia', 'default').transcribe(ask('default'), call()), {
      code: 'bad_gateway',
      next: 'try-other',
    });
  });

  it("says what the caller wants in the package's words, over the operator's options", async () => {
    vendor.behave(gladiaVendor);
    const providerOptions = { gladia: { diarization: true, language: 'fr' } };
    const provider = packaged('@ai-sdk/gladia', 'default', { providerOptions });
    const wishes = { language: 'de', prompt: 'Fahrkarten', temperature: 0.5 } as const;
    const { unmet } = await provider.transcribe(ask('default', wishes), call());
    const creation = vendor.requests.find(isGladiaCreation);
    const body = JSON.parse(creation?.body.toString() ?? '');
    assert.deepEqual(
      [body.language, body.detect_language, body.context_prompt, body.diarization],
      ['de', false, 'Fahrkarten', true],
    );
    assert.deepEqual(unmet, ['temperature']);
  });

  it('reports a key that nobody has', async () => {
    const provider = packaged('@ai-sdk/gladia', 'default', { apiKey: null });
    await assert.rejects(provider.transcribe(ask('default'), call()), { code: 'provider_key_refused' });
    assert.equal(vendor.requests.length, 0);
  });

  it('refuses an upload over the ceiling before it is read', async () => {
    const huge = { ...made.audio, stored: { ...made.audio.stored, sizeBytes: 100_001 } };
    const provider = packaged('@ai-sdk/gladia', 'default');
    await assert.rejects(provider.transcribe(ask('default', { audio: huge }), call()), { code: 'payload_too_large' });
  });

  it('sends everything to the base address, below its path where the package did not know it', () => {
    const at = 'https://proxy.example/gladia/';
    assert.equal(addressOf('https://api.gladia.io/v2/upload?a=1', at), 'https://proxy.example/gladia/v2/upload?a=1');
    assert.equal(addressOf('https://proxy.example/gladia/v2/upload', at), 'https://proxy.example/gladia/v2/upload');
    assert.equal(addressOf('https://api.gladia.io/v2/upload', null), 'https://api.gladia.io/v2/upload');
  });

  it('asks no private address that a package names', async () => {
    const provider = scripted(async (_options, fetch) => {
      await fetch('http://127.0.0.1:9/');
      return {};
    });
    await assert.rejects(provider.transcribe(ask('scripted'), call()), { code: 'invalid_value' });
  });

  /** A package of one's own, whose model does what the test says. */
  function scripted(
    generate: (
      options: Parameters<TranscriptionModel['doGenerate']>[0],
      fetch: typeof globalThis.fetch,
    ) => Promise<unknown>,
    more: { specificationVersion?: string; provider?: string; baseUrl?: string } = {},
  ): Provider {
    const factory: ModelFactory = (_name, settings) => ({
      specificationVersion: more.specificationVersion ?? 'v4',
      provider: more.provider ?? 'scripted.transcription',
      doGenerate: (options) => generate(options, settings.fetch),
    });
    return bridgeProvider('scripted', {
      factory: Promise.resolve(factory),
      apiKey: null,
      baseUrl: more.baseUrl ?? null,
      http,
    });
  }
  const answered = (result: object, more: { specificationVersion?: string; provider?: string } = {}) =>
    scripted(
      async (_options, fetch) => {
        vendor.behave(answerJson({}));
        await fetch(`${vendor.url}/`);
        return { text, segments: [], language: undefined, durationInSeconds: undefined, warnings: [], ...result };
      },
      { ...more, baseUrl: vendor.url },
    );

  it('uses no package that goes past the door', async () => {
    const provider = scripted(async () => ({ text, segments: [], warnings: [] }));
    await assert.rejects(provider.transcribe(ask('scripted'), call()), { code: 'bad_gateway' });
  });

  it('takes segments of one word each for words, and parts the text at its sentences', async () => {
    const segments = ['two', 'tickets', 'please', 'window', 'seats'].map((word, index) => ({
      text: word,
      startSecond: index * 0.3,
      endSecond: index * 0.3 + 0.2,
    }));
    const { transcript, unmet } = await answered({ segments }).transcribe(ask('scripted'), call());
    assert.equal(transcript.words?.map((one) => one.text).join(' '), text);
    assert.deepEqual(
      transcript.segments.map((one) => [one.text, one.confidence]),
      [
        ['Two tickets, please.', null],
        ['Window seats?', null],
      ],
    );
    assert.deepEqual(unmet, []);
  });

  it('drops the blanks that a package lists as segments', async () => {
    const segments = ['Two', ' ', 'tickets,', ' ', 'please.', ' ', 'Window', ' ', 'seats?'].map((one, index) => ({
      text: one,
      startSecond: index * 0.1,
      endSecond: index * 0.1 + 0.1,
    }));
    const { transcript } = await answered({ segments }).transcribe(ask('scripted'), call());
    assert.equal(transcript.words?.length, 5);
    assert.equal(transcript.words?.map((one) => one.text).join(' '), text);
  });

  it('makes no words out of sentences, and says so', async () => {
    const segments = [
      { text: 'Two tickets, please.', startSecond: 0.1, endSecond: 1 },
      { text: 'Window seats?', startSecond: 1.2, endSecond: 1.9 },
    ];
    const { transcript, unmet } = await answered({ segments, language: 'eng' }).transcribe(ask('scripted'), call());
    assert.equal(transcript.words, null);
    assert.equal(transcript.language, 'en');
    assert.equal(transcript.segments[1]?.startMs, 1200);
    assert.deepEqual(unmet, ['word-times']);
  });

  it('gives a text without times as one segment', async () => {
    const { transcript } = await answered({}).transcribe(ask('scripted', { wantWords: false }), call());
    assert.deepEqual(
      transcript.segments.map((one) => [one.text, one.startMs, one.endMs]),
      [[text, 0, 2000]],
    );
  });

  it('takes silence for an answer', async () => {
    const { transcript, unmet } = await answered({ text: '' }).transcribe(ask('scripted'), call());
    assert.deepEqual([transcript.text, transcript.segments, transcript.words, unmet], ['', [], [], []]);
  });

  it('says when a model heard less of the recording than there is', async () => {
    const long = { ...made.audio, probe: { ...made.audio.probe, durationMs: 60_000 } };
    const provider = answered({ durationInSeconds: 30 });
    const { transcript, vendorDurationMs } = await provider.transcribe(ask('scripted', { audio: long }), call());
    assert.deepEqual(transcript.unheard, [{ startMs: 30_000, endMs: 60_000 }]);
    assert.equal(vendorDurationMs, 30_000);
    for (const name of ['revai.transcription', 'elevenlabs.transcription', 'fal.transcription']) {
      const lastWord = answered({ durationInSeconds: 30 }, { provider: name });
      const answer = await lastWord.transcribe(ask('scripted', { audio: long }), call());
      assert.deepEqual([answer.transcript.unheard, answer.vendorDurationMs], [[], null], name);
    }
  });

  it('reports what an unknown package cannot be told, and what a known one says it left out', async () => {
    const wishes = { language: 'de', prompt: 'x', temperature: 0.2, wantWords: false };
    const unknown = await answered({}).transcribe(ask('scripted', wishes), call());
    assert.deepEqual([...unknown.unmet].sort(), ['language', 'prompt', 'temperature']);
    for (const warnings of [
      [{ type: 'unsupported', feature: 'providerOptions.openai.language' }],
      [{ type: 'unsupported-setting', setting: 'language' }],
    ]) {
      const known = await answered({ warnings }, { provider: 'openai.transcription' }).transcribe(
        ask('scripted', wishes),
        call(),
      );
      assert.deepEqual(known.unmet, ['language']);
    }
  });

  for (const specificationVersion of ['v2', 'v3']) {
    it(`runs models of the specification ${specificationVersion}`, async () => {
      const { transcript } = await answered({}, { specificationVersion }).transcribe(ask('scripted'), call());
      assert.equal(transcript.text, text);
    });
  }

  it('holds no more recordings in memory than its ceiling, and lets another provider try', async () => {
    const started = Promise.withResolvers<void>();
    const sleeping: ModelFactory = () => ({
      specificationVersion: 'v4',
      provider: 'sleeping.transcription',
      doGenerate: () => {
        started.resolve();
        return new Promise(() => {});
      },
    });
    const card = { id: 'bridge/big', features: [], languages: ['*'], maxDurationMs: null, maxUploadBytes: null };
    const provider = bridgeProvider('big', {
      factory: Promise.resolve(sleeping),
      apiKey: null,
      baseUrl: null,
      http,
      findModel: () => ({ card, name: 'big' }),
    });
    const sizeBytes = heldBytesCeiling * 0.6;
    const large = { ...made.audio, stored: { path: null, sizeBytes, pieces: [] } };
    const caller = new AbortController();
    const first = provider.transcribe(ask('big', { audio: large }), { signal: caller.signal, log: silentLog });
    await started.promise;
    await assert.rejects(provider.transcribe(ask('big', { audio: large }), call()), {
      code: 'service_unavailable',
      next: 'try-other',
    });
    caller.abort();
    await assert.rejects(first, { code: 'client_closed_request' });
  });

  it('does not wait for a package that sleeps through the end of the call', async () => {
    const provider = scripted(() => new Promise(() => {}));
    const caller = new AbortController();
    const failure = assert.rejects(provider.transcribe(ask('scripted'), { signal: caller.signal, log: silentLog }), {
      code: 'client_closed_request',
    });
    setImmediate(() => caller.abort());
    await failure;
  });
});

/** What we say to a model is what each specification's types let us say; the operator's options are JSON by origin. */
type Said = Omit<GenerateOptions, 'providerOptions'>;
type Heard = Parameters<(TranscriptionModelV2 | TranscriptionModelV3 | TranscriptionModelV4)['doGenerate']>[0];
export const understood = (options: Said): Heard => options;
