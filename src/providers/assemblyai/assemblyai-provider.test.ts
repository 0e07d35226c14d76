import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import {
  answerJson,
  answerText,
  type FakeVendor,
  resetConnection,
  stall,
  startFakeVendor,
  type VendorBehaviour,
  type VendorRequest,
} from '../../../test/helpers/fake-vendor.ts';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import { silentLog } from '../../core/log.ts';
import { createGuardedFetch, type GuardedFetch } from '../../net/guarded-fetch.ts';
import { describeConformance } from '../conformance.ts';
import type { Call, Provider, ProviderAsk } from '../contract.ts';
import { createAssemblyAiProvider } from './assemblyai-provider.ts';
import type { AssemblyAiModel } from './models.ts';

const id = '9ea68fd3-f953-42c1-9742-976c447fb463';
const modelOf = (name: string, features: AssemblyAiModel['card']['features']): AssemblyAiModel => ({
  card: { id: `assemblyai/${name}`, features, languages: ['*'], maxDurationMs: null, maxUploadBytes: null },
  name,
});
const newer = modelOf('universal-3-5-pro', ['transcribe', 'word-times', 'segment-times', 'prompt', 'temperature']);
const older = modelOf('universal-2', ['transcribe', 'word-times', 'segment-times']);
const shelf = {
  findModel: (modelId: string) => [newer, older].find((one) => one.card.id === modelId) ?? null,
  models: () => [newer.card, older.card],
};
const recording = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`recordings/${name}.json`, import.meta.url), 'utf8'));

const isUpload = ({ method, path }: VendorRequest) => method === 'POST' && path === '/v2/upload';
const isCreation = ({ method, path }: VendorRequest) => method === 'POST' && path === '/v2/transcript';
const isPoll = ({ method, path }: VendorRequest) => method === 'GET' && path === `/v2/transcript/${id}`;
const isDeletion = ({ method, path }: VendorRequest) => method === 'DELETE' && path === `/v2/transcript/${id}`;

/** A vendor whose job is in these states, one after the other, when it is asked after. */
function vendorWith(...states: unknown[]): VendorBehaviour {
  let asked = 0;
  return (request, response) => {
    const answer = () => {
      if (isUpload(request)) return answerJson(recording('upload'));
      if (isCreation(request)) return answerJson(recording('transcript-queued'));
      if (isPoll(request)) return answerJson(states[Math.min(asked++, states.length - 1)]);
      if (isDeletion(request)) return answerJson({ id, status: 'completed', text: 'Deleted by user.' });
      return answerText('', 404);
    };
    return answer()(request, response);
  };
}
const completed = () => vendorWith(recording('transcript-completed'));

describeConformance('assemblyai', {
  createProvider: ({ url, key, timeouts }) =>
    createAssemblyAiProvider({
      apiKey: key,
      baseUrl: url,
      ...shelf,
      http: createGuardedFetch({ trustedOrigins: [url] }),
      timeouts,
      pollIntervals: { firstMs: 1, longestMs: 1 },
      orphanGraceMs: 100,
    }),
  modelId: newer.card.id,
  goodVendor: completed(),
  goodText: 'Two returns, please. Platform four?',
  errorBody: (message) => JSON.stringify({ error: message }),
  steps: [
    { name: 'upload', matches: isUpload },
    { name: 'creation', matches: isCreation },
    { name: 'question', matches: isPoll },
  ],
});

describe('createAssemblyAiProvider', () => {
  let vendor: FakeVendor;
  let http: GuardedFetch;
  let provider: Provider;
  let made: MadeAudio;
  before(async () => {
    [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(4200)]);
    http = createGuardedFetch({ trustedOrigins: [vendor.url] });
  });
  beforeEach(() => {
    vendor.requests.length = 0;
    vendor.behave(completed());
    provider = create();
  });
  after(async () => {
    await provider.close();
    await http.close();
    await Promise.all([vendor.close(), made.remove()]);
  });

  const create = (more: { keepTranscripts?: boolean; baseMs?: number } = {}) =>
    createAssemblyAiProvider({
      apiKey: 'key-1',
      baseUrl: `${vendor.url}/`,
      ...shelf,
      http,
      pollIntervals: { firstMs: 1, longestMs: 2 },
      timeouts: { baseMs: more.baseMs ?? 5_000, perAudioMs: 0 },
      keepTranscripts: more.keepTranscripts ?? false,
    });
  const transcribe = (more: Partial<ProviderAsk> = {}, call: Partial<Call> = {}) =>
    provider.transcribe(
      {
        audio: made.audio,
        modelId: newer.card.id,
        task: 'transcribe',
        language: null,
        prompt: null,
        temperature: null,
        wantWords: true,
        wantLogprobs: false,
        ...more,
      },
      { signal: new AbortController().signal, log: silentLog, ...call },
    );
  const steps = () => vendor.requests.map(({ method, path }) => `${method} ${path.replace(id, 'ID')}`);

  it('uploads the bytes, makes a job, asks until it is done, and deletes it', async () => {
    vendor.behave(
      vendorWith(
        recording('transcript-queued'),
        { ...Object(recording('transcript-queued')), status: 'processing' },
        recording('transcript-completed'),
      ),
    );
    const { transcript, unmet, usage } = await transcribe();
    assert.deepEqual(steps(), [
      'POST /v2/upload',
      'POST /v2/transcript',
      'GET /v2/transcript/ID',
      'GET /v2/transcript/ID',
      'GET /v2/transcript/ID',
      'DELETE /v2/transcript/ID',
    ]);
    assert.ok(vendor.requests.every((request) => request.headers.authorization === 'key-1'));
    const [upload, creation] = vendor.requests;
    assert.equal(upload?.headers['content-type'], 'application/octet-stream');
    assert.ok(upload?.body.equals(made.bytes));
    assert.equal(creation?.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(creation?.body.toString() ?? ''), {
      audio_url: 'https://cdn.assemblyai.com/upload/0e1f2d3c-0000-4000-8000-00000000cafe',
      speech_models: ['universal-3-5-pro'],
      language_detection: true,
    });
    assert.equal(transcript.text, 'Two returns, please. Platform four?');
    assert.deepEqual(transcript.words?.[1], {
      text: 'returns,',
      startMs: 500,
      endMs: 1050,
      speaker: null,
      confidence: 0.97,
    });
    assert.deepEqual(
      transcript.segments.map(({ text, startMs, endMs }) => [text, startMs, endMs]),
      [
        ['Two returns, please.', 200, 1600],
        ['Platform four?', 1720, 1940],
      ],
    );
    assert.equal(transcript.language, 'en');
    assert.deepEqual(transcript.unheard, []);
    assert.deepEqual(unmet, []);
    assert.deepEqual(usage, { type: 'duration', durationMs: 4200 });
  });

  it('asks newer models for what they can do, and says what older ones cannot', async () => {
    const wishes = { language: 'de', prompt: 'Zermatt', temperature: 0.5, wantLogprobs: true };
    const sent = (index: number) => JSON.parse(vendor.requests.filter(isCreation)[index]?.body.toString() ?? '');
    assert.deepEqual((await transcribe(wishes)).unmet, ['logprobs']);
    const { language_code, prompt, temperature, language_detection } = sent(0);
    assert.deepEqual([language_code, prompt, temperature, language_detection], ['de', 'Zermatt', 0.5, undefined]);
    const { unmet } = await transcribe({ ...wishes, modelId: older.card.id });
    assert.deepEqual(unmet.toSorted(), ['logprobs', 'prompt', 'temperature']);
    assert.equal(sent(1).prompt ?? sent(1).temperature, undefined);
  });

  it('leaves the transcript in the account when the operator wants that', async () => {
    await provider.close();
    provider = create({ keepTranscripts: true });
    await transcribe();
    assert.ok(!vendor.requests.some(isDeletion));
  });

  it('answers although the deletion fails', async () => {
    const good = completed();
    vendor.behave((request, response) => (isDeletion(request) ? resetConnection : good)(request, response));
    assert.equal((await transcribe()).transcript.text, 'Two returns, please. Platform four?');
  });

  it('takes silence for a good answer', async () => {
    vendor.behave(vendorWith({ id, status: 'completed', text: '', words: [], audio_duration: 4 }));
    const { transcript, unmet } = await transcribe();
    assert.deepEqual(
      [transcript.text, transcript.segments, transcript.words, transcript.language, unmet],
      ['', [], [], null, []],
    );
  });

  it('shows the end of a recording that the vendor did not hear', async () => {
    vendor.behave(vendorWith({ ...Object(recording('transcript-completed')), audio_duration: 2 }));
    assert.deepEqual((await transcribe()).transcript.unheard, [{ startMs: 2000, endMs: 4200 }]);
  });

  it('says that words are missing, and gives the text as one segment', async () => {
    vendor.behave(vendorWith({ id, status: 'completed', text: 'Two returns.', words: null }));
    const { transcript, unmet } = await transcribe();
    assert.equal(transcript.words, null);
    assert.deepEqual(unmet, ['word-times']);
    assert.deepEqual(
      transcript.segments.map(({ text, startMs, endMs }) => [text, startMs, endMs]),
      [['Two returns.', 0, 4200]],
    );
  });

  it('lets another provider try when the job ends in an error, and deletes it', async () => {
    vendor.behave(vendorWith(recording('transcript-error')));
    await assert.rejects(transcribe(), { code: 'bad_gateway', next: 'try-other', origin: 'provider' });
    assert.ok(vendor.requests.some(isDeletion));
  });

  it('gives up a job that takes too long, and deletes it', async () => {
    await provider.close();
    provider = create({ baseMs: 1_500 });
    vendor.behave(vendorWith(recording('transcript-queued')));
    await assert.rejects(transcribe(), { code: 'timeout', next: 'try-other' });
    assert.ok(vendor.requests.some(isDeletion));
  });

  it('deletes the job of a caller who leaves while it is worked on', async () => {
    const caller = new AbortController();
    const good = vendorWith(recording('transcript-queued'));
    vendor.behave((request, response) => {
      if (isPoll(request)) caller.abort();
      return good(request, response);
    });
    await assert.rejects(transcribe({}, { signal: caller.signal }), { code: 'client_closed_request' });
    await provider.close();
    assert.equal(vendor.requests.filter(isPoll).length, 1);
    assert.equal(vendor.requests.filter(isDeletion).length, 1);
  });

  it('deletes the job that comes about just as its caller leaves', async () => {
    const caller = new AbortController();
    const good = completed();
    vendor.behave((request, response) => {
      if (!isCreation(request)) return good(request, response);
      caller.abort();
      setTimeout(() => good(request, response), 20);
    });
    await assert.rejects(transcribe({}, { signal: caller.signal }), { code: 'client_closed_request' });
    await provider.close();
    assert.deepEqual(steps(), ['POST /v2/upload', 'POST /v2/transcript', 'DELETE /v2/transcript/ID']);
  });

  it('makes no job for a caller who leaves during the upload', async () => {
    const caller = new AbortController();
    vendor.behave((request, response) => {
      caller.abort();
      return stall(request, response);
    });
    await assert.rejects(transcribe({}, { signal: caller.signal }), { code: 'client_closed_request' });
    assert.deepEqual(steps(), ['POST /v2/upload']);
  });

  it('ends its jobs when it is closed, and waits until they are deleted', async () => {
    const own = provider;
    const good = vendorWith(recording('transcript-queued'));
    let closed: Promise<void> | null = null;
    vendor.behave((request, response) => {
      if (isPoll(request)) closed ??= own.close();
      return good(request, response);
    });
    await assert.rejects(transcribe(), { code: 'service_unavailable' });
    await closed;
    assert.equal(vendor.requests.filter(isDeletion).length, 1);
  });

  it('refuses to translate without asking AssemblyAI', async () => {
    await assert.rejects(transcribe({ task: 'translate' }), { code: 'bad_gateway', next: 'try-other' });
    assert.equal(vendor.requests.length, 0);
  });
});
