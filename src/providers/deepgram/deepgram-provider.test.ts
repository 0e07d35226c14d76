import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { answerJson, answerText, type FakeVendor, startFakeVendor } from '../../../test/helpers/fake-vendor.ts';
import { type MadeAudio, makeAudio } from '../../../test/helpers/made-audio.ts';
import { silentLog } from '../../core/log.ts';
import { createGuardedFetch, type GuardedFetch } from '../../net/guarded-fetch.ts';
import { createOutboundSockets } from '../../net/outbound-socket.ts';
import { describeConformance } from '../conformance.ts';
import type { Provider, ProviderAsk } from '../contract.ts';
import { createDeepgramProvider } from './deepgram-provider.ts';
import type { DeepgramModel } from './models.ts';

const nova: DeepgramModel = {
  card: {
    id: 'deepgram/nova-3',
    features: ['transcribe', 'word-times', 'segment-times'],
    languages: ['*'],
    maxDurationMs: null,
    maxUploadBytes: 2_000_000_000,
  },
  name: 'nova-3',
};
const recording = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`recordings/${name}.json`, import.meta.url), 'utf8'));
const sockets = createOutboundSockets();
const shelf = {
  findModel: (modelId: string) => (modelId === nova.card.id ? nova : null),
  models: () => [nova.card],
};

describeConformance('deepgram (prerecorded)', {
  createProvider: ({ url, key, timeouts }) =>
    createDeepgramProvider({
      apiKey: key,
      baseUrl: url,
      ...shelf,
      http: createGuardedFetch({ trustedOrigins: [url] }),
      sockets,
      timeouts,
    }),
  modelId: nova.card.id,
  goodVendor: answerJson(recording('listen-two-utterances')),
  goodText: 'Two returns, please. Platform four?',
  errorBody: (message) => JSON.stringify({ err_code: 'Bad Request', err_msg: message, request_id: 'r1' }),
});

describe('createDeepgramProvider', () => {
  let vendor: FakeVendor;
  let http: GuardedFetch;
  let provider: Provider;
  let made: MadeAudio;
  before(async () => {
    [vendor, made] = await Promise.all([startFakeVendor(), makeAudio(4200)]);
    http = createGuardedFetch({ trustedOrigins: [vendor.url] });
    provider = createDeepgramProvider({ apiKey: 'key-1', baseUrl: `${vendor.url}/`, ...shelf, http, sockets });
  });
  beforeEach(() => {
    vendor.requests.length = 0;
    vendor.behave(answerJson(recording('listen-two-utterances')));
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
        modelId: nova.card.id,
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

  it("sends the recording's own bytes under its own type, with the key in a header alone", async () => {
    await transcribe();
    const [request] = vendor.requests;
    assert.ok(request);
    assert.equal(request.headers['content-type'], 'audio/wav');
    assert.equal(request.headers['content-length'], String(made.bytes.length));
    assert.ok(request.body.equals(made.bytes));
    assert.equal(request.headers.authorization, 'Token key-1');
    assert.ok(!request.path.includes('key-1'));
    const { pathname, searchParams } = new URL(request.path, vendor.url);
    assert.equal(pathname, '/v1/listen');
    assert.deepEqual(Object.fromEntries(searchParams), {
      model: 'nova-3',
      detect_language: 'true',
      smart_format: 'true',
      utterances: 'true',
    });
  });

  it('names the language that was asked for instead of looking for it', async () => {
    await transcribe({ language: 'yue' });
    const { searchParams } = new URL(vendor.requests[0]!.path, vendor.url);
    assert.equal(searchParams.get('language'), 'zh-HK');
    assert.equal(searchParams.has('detect_language'), false);
  });

  it('gives punctuated words with times and confidences, and utterances as segments', async () => {
    const { transcript, unmet, usage } = await transcribe();
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
        ['Platform four?', 2720, 3640],
      ],
    );
    assert.equal(transcript.language, 'en');
    assert.deepEqual(transcript.unheard, []);
    assert.deepEqual(unmet, []);
    assert.deepEqual(usage, { type: 'duration', durationMs: 4200 });
  });

  it('leaves words out when nobody asked for them', async () => {
    const { transcript, unmet } = await transcribe({ wantWords: false });
    assert.equal(transcript.words, null);
    assert.deepEqual(unmet, []);
  });

  it('says which wishes Deepgram cannot fulfil', async () => {
    const { unmet } = await transcribe({ prompt: 'Zermatt', temperature: 0.5, wantLogprobs: true });
    assert.deepEqual(unmet.toSorted(), ['logprobs', 'prompt', 'temperature']);
  });

  it('takes silence for a good answer', async () => {
    vendor.behave(answerJson(recording('listen-silence')));
    const { transcript, unmet } = await transcribe();
    assert.equal(transcript.text, '');
    assert.deepEqual([transcript.segments, transcript.words, transcript.language], [[], [], null]);
    assert.deepEqual(unmet, []);
  });

  it('shows the end of a recording that the vendor did not hear', async () => {
    const reply = structuredClone(recording('listen-two-utterances'));
    assert.ok(typeof reply === 'object' && reply !== null && 'metadata' in reply);
    reply.metadata = { duration: 1.5 };
    vendor.behave(answerJson(reply));
    assert.deepEqual((await transcribe()).transcript.unheard, [{ startMs: 1500, endMs: 4200 }]);
  });

  it('refuses to translate without asking Deepgram', async () => {
    await assert.rejects(transcribe({ task: 'translate' }), { code: 'bad_gateway', next: 'try-other' });
    assert.equal(vendor.requests.length, 0);
  });

  it('does not blame the caller for a query that we wrote', async () => {
    vendor.behave(answerJson({ category: 'INVALID_QUERY_PARAMETER', message: 'Invalid.', details: 'utterances' }, 400));
    await assert.rejects(transcribe(), { code: 'bad_gateway', next: 'try-other' });
  });

  it('reads the three shapes of its error bodies, without the key', async () => {
    const bodies: [body: string, words: string][] = [
      ['{"err_code":"Bad Request","err_msg":"corrupt or unsupported data","request_id":"r"}', 'corrupt'],
      ['{"category":"BAD_AUDIO","message":"Bad audio.","details":"No samples for key-1.","request_id":"r"}', 'samples'],
      ['Plain words.', 'Plain words.'],
    ];
    for (const [body, words] of bodies) {
      vendor.behave(answerText(body, 400));
      await assert.rejects(
        transcribe(),
        (error: Error) => error.message.includes(words) && !/key-1/.test(error.message),
      );
    }
  });
});
