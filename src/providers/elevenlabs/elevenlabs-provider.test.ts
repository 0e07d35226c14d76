import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { answerJson, type FakeVendor, formOf, startFakeVendor } from '../../../test/helpers/fake-vendor.ts';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import { silentLog } from '../../core/log.ts';
import { createGuardedFetch, type GuardedFetch } from '../../net/guarded-fetch.ts';
import { describeConformance } from '../conformance.ts';
import type { Provider, ProviderAsk } from '../contract.ts';
import { createElevenLabsProvider } from './elevenlabs-provider.ts';
import type { ElevenLabsModel } from './models.ts';

const scribe: ElevenLabsModel = {
  card: {
    id: 'elevenlabs/scribe-v2',
    features: ['transcribe', 'word-times', 'segment-times', 'logprobs', 'temperature'],
    languages: ['*'],
    maxDurationMs: null,
    maxUploadBytes: 3_000_000_000,
  },
  name: 'scribe_v2',
};
const shelf = {
  findModel: (modelId: string) => (modelId === scribe.card.id ? scribe : null),
  models: () => [scribe.card],
};
const recording = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`recordings/${name}.json`, import.meta.url), 'utf8'));

describeConformance('elevenlabs', {
  createProvider: ({ url, key, timeouts }) =>
    createElevenLabsProvider({
      apiKey: key,
      baseUrl: url,
      ...shelf,
      http: createGuardedFetch({ trustedOrigins: [url] }),
      timeouts,
    }),
  modelId: scribe.card.id,
  goodVendor: answerJson(recording('speech-to-text')),
  goodText: 'Two returns, please. Platform four?',
  errorBody: (message) => JSON.stringify({ detail: { status: 'invalid_request', message } }),
});

describe('createElevenLabsProvider', () => {
  let vendor: FakeVendor;
  let http: GuardedFetch;
  let provider: Provider;
  let made: MadeAudio;
  before(async () => {
    [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(4200)]);
    http = createGuardedFetch({ trustedOrigins: [vendor.url] });
    provider = createElevenLabsProvider({ apiKey: 'key-1', baseUrl: `${vendor.url}/`, ...shelf, http });
  });
  beforeEach(() => {
    vendor.requests.length = 0;
    vendor.behave(answerJson(recording('speech-to-text')));
  });
  after(async () => {
    await provider.close();
    await http.close();
    await Promise.all([vendor.close(), made.remove()]);
  });

  const transcribe = (more: Partial<ProviderAsk> = {}) =>
    provider.transcribe(
      {
        audio: made.audio,
        modelId: scribe.card.id,
        task: 'transcribe',
        language: null,
        prompt: null,
        temperature: null,
        wantWords: true,
        wantLogprobs: false,
        ...more,
      },
      { signal: new AbortController().signal, log: silentLog },
    );

  it('sends a form with the recording under a name and type of our own', async () => {
    await transcribe();
    const [request] = vendor.requests;
    assert.ok(request);
    assert.equal(request.path, '/v1/speech-to-text');
    assert.equal(request.headers['xi-api-key'], 'key-1');
    const form = await formOf(request);
    const file = form.get('file');
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type, file.size], ['audio.wav', 'audio/wav', made.bytes.length]);
    form.delete('file');
    assert.deepEqual(Object.fromEntries(form), {
      model_id: 'scribe_v2',
      timestamps_granularity: 'word',
      tag_audio_events: 'false',
      diarize: 'false',
    });
  });

  it('passes language and temperature on', async () => {
    await transcribe({ language: 'de', temperature: 0 });
    const form = await formOf(vendor.requests[0]!);
    assert.deepEqual([form.get('language_code'), form.get('temperature')], ['de', '0']);
  });

  it('gives words without the blanks between them, with confidences, and segments made of them', async () => {
    const { transcript, unmet, usage } = await transcribe();
    assert.deepEqual(
      transcript.words?.map((one) => one.text),
      ['Two', 'returns,', 'please.', 'Platform', 'four?'],
    );
    assert.deepEqual(
      transcript.segments.map(({ text, startMs, endMs, speaker }) => [text, startMs, endMs, speaker]),
      [
        ['Two returns, please.', 200, 1600, null],
        ['Platform four?', 1720, 1940, null],
      ],
    );
    assert.ok(Math.abs((transcript.words?.[4]?.confidence ?? 0) - Math.exp(-0.223)) < 1e-9);
    assert.equal(transcript.language, 'en');
    assert.equal(transcript.tokens, null);
    assert.deepEqual(transcript.unheard, []);
    assert.deepEqual(unmet, []);
    assert.deepEqual(usage, { type: 'duration', durationMs: 4200 });
  });

  it('gives log-probabilities that make up the text, or says that there are none', async () => {
    const { transcript, unmet } = await transcribe({ wantLogprobs: true });
    assert.equal(transcript.tokens?.map((one) => one.token).join(''), transcript.text);
    assert.deepEqual(unmet, []);
    vendor.behave(answerJson({ ...Object(recording('speech-to-text')), text: 'Something else.' }));
    assert.deepEqual((await transcribe({ wantLogprobs: true })).unmet, ['logprobs']);
  });

  it('says that a prompt was not used', async () => {
    assert.deepEqual((await transcribe({ prompt: 'Zermatt' })).unmet, ['prompt']);
  });

  it('says that words are missing, and gives the text as one segment', async () => {
    vendor.behave(answerJson({ text: 'Two returns.', words: [{ text: 'Two', type: 'word' }] }));
    const { transcript, unmet } = await transcribe();
    assert.equal(transcript.words, null);
    assert.deepEqual(unmet, ['word-times']);
    assert.deepEqual(
      transcript.segments.map((one) => one.text),
      ['Two returns.'],
    );
  });

  it('takes silence for a good answer', async () => {
    vendor.behave(answerJson(recording('silence')));
    const { transcript, unmet } = await transcribe();
    assert.deepEqual(
      [transcript.text, transcript.segments, transcript.words, transcript.language, unmet],
      ['', [], [], null, []],
    );
  });

  it('shows the end of a recording that the vendor did not hear', async () => {
    vendor.behave(answerJson({ ...Object(recording('speech-to-text')), audio_duration_secs: 2 }));
    assert.deepEqual((await transcribe()).transcript.unheard, [{ startMs: 2000, endMs: 4200 }]);
  });

  it('tells whose fault a refusal is by its code or field', async () => {
    const refusals: [detail: unknown, expected: object][] = [
      [
        { status: 'invalid_audio', message: 'Corrupt.' },
        { code: 'invalid_value', next: 'stop' },
      ],
      [
        { status: 'invalid_model_id', message: 'No.' },
        { code: 'bad_gateway', next: 'try-other' },
      ],
      [{ type: 'validation_error', code: 'x', message: 'No.', param: 'language_code' }, { param: 'language' }],
      [
        [{ loc: ['body', 'temperature'], msg: 'Too high.', type: 'x' }],
        { code: 'invalid_value', param: 'temperature' },
      ],
      [[{ loc: ['body', 'diarize'], msg: 'No.', type: 'x' }], { code: 'bad_gateway', next: 'try-other' }],
      ['Plain words.', { code: 'invalid_value' }],
      [
        { status: 'quota_exceeded', message: 'No credits.' },
        { code: 'provider_key_refused', next: 'try-other' },
      ],
    ];
    for (const [detail, expected] of refusals) {
      vendor.behave(answerJson({ detail }, 400));
      await assert.rejects(transcribe(), expected);
    }
  });

  it('refuses to translate without asking ElevenLabs', async () => {
    await assert.rejects(transcribe({ task: 'translate' }), { code: 'bad_gateway', next: 'try-other' });
    assert.equal(vendor.requests.length, 0);
  });
});
