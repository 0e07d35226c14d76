import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import OpenAI, { APIError, toFile } from 'openai';
import { createAudioOpener } from '../../src/audio/opener.ts';
import { loadCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { createModelDirectory } from '../../src/compose-model-directory.ts';
import { type ModelHealth, marketOf, pricesOf } from '../../src/compose-models.ts';
import { createUpstreams, withConfiguredModels } from '../../src/compose-providers.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import { createPriceBook } from '../../src/metering/price-book.ts';
import { createTranscribeFile } from '../../src/pipeline/transcribe-file.ts';
import type { Provider } from '../../src/providers/contract.ts';
import { createAttempts } from '../../src/routing/attempts.ts';
import { catalogueOrderPolicy } from '../../src/routing/policy.ts';
import { fixtureBytes } from '../helpers/audio-files.ts';
import {
  answerEvents,
  answerJson,
  type FakeVendor,
  formOf,
  resetConnection,
  stall,
  startFakeVendor,
} from '../helpers/fake-vendor.ts';
import { goodKey, localKey, startTestGateway } from '../helpers/test-gateway.ts';

const key = 'sk-of-the-operator';
const heardHere = 'Heard on this machine.';

/** The embedded engine's place is taken by one that always hears the same. */
const embedded: Provider = {
  id: 'local',
  models: () => [],
  async transcribe(ask) {
    const { durationMs } = ask.audio.probe;
    return {
      transcript: {
        text: heardHere,
        language: 'en',
        durationMs,
        segments: [],
        words: null,
        tokens: null,
        unheard: [],
      },
      usage: { type: 'duration', durationMs },
      unmet: [],
    };
  },
  async close() {},
};

const openaiVerbose = answerJson({
  task: 'transcribe',
  language: 'english',
  duration: 1.2,
  text: 'Two tickets, please.',
  segments: [{ id: 0, start: 0, end: 1.1, text: ' Two tickets, please.', avg_logprob: -0.2, no_speech_prob: 0.01 }],
  words: [
    { word: 'Two', start: 0.1, end: 0.3 },
    { word: 'tickets', start: 0.3, end: 0.8 },
    { word: 'please', start: 0.8, end: 1.1 },
  ],
});

describe('a gateway with upstream providers', () => {
  const audio = createAudioOpener({
    workers: 1,
    maxOpenRequests: 8,
    maxWorkerRssBytes: 512 * 1024 * 1024,
    log: silentLog,
  });
  let folder = '';
  let openai: FakeVendor;
  let siliconflow: FakeVendor;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'upstreams-test-'));
    [openai, siliconflow] = await Promise.all([startFakeVendor(), startFakeVendor()]);
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await Promise.all([openai.close(), siliconflow.close(), audio.close()]);
  });

  /** The parts of compose.ts around the scripted engine, and a client for them. */
  async function start(context: TestContext) {
    for (const vendor of [openai, siliconflow]) vendor.requests.length = 0;
    const catalogueFile = join(folder, 'own.yaml');
    writeFileSync(
      catalogueFile,
      'aliases:\n  - { id: house, name: House, price: { per_minute_usd: "0.60" },' +
        ' models: [openai/whisper-1, alibaba/sensevoice-small, local/moonshine-tiny] }\n',
    );
    const { providers: settings } = loadConfig({
      env: {
        OPENAI_API_KEY: key,
        OPENAI_BASE_URL: `${openai.url}/v1`,
        SILICONFLOW_API_KEY: key,
        SILICONFLOW_BASE_URL: `${siliconflow.url}/v1`,
      },
      workingDir: folder,
    });
    const catalogue = withConfiguredModels(loadCatalogue(catalogueFile), settings);
    const upstreams = createUpstreams(settings, () => catalogue);
    const installed = new Set(['moonshine-tiny']);
    const health: ModelHealth = ({ artifact, upstream }) =>
      (upstream ? upstreams.providers.has(upstream.provider) : artifact === 'moonshine-tiny')
        ? 'ready'
        : 'not-installed';
    const current = () => ({ catalogue, installed });
    const transcribe = createTranscribeFile({
      audio,
      audioLimits: { maxDurationMs: 60_000 },
      policy: catalogueOrderPolicy,
      market: () => marketOf(current(), health),
      attempts: createAttempts({ providers: new Map([['local', embedded], ...upstreams.providers]) }),
      prices: createPriceBook(pricesOf(catalogue)),
      log: silentLog,
      deadlineMs: () => 20_000,
    });
    const models = createModelDirectory(current, health, { maxUploadBytes: 33_554_432, maxAudioSeconds: 60 });
    const gateway = await startTestGateway(context, { transcribe, models });
    context.after(() => upstreams.close());
    const client = new OpenAI({ apiKey: goodKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    return { gateway, client };
  }
  // A name by which a vendor would refuse the bytes.
  const recording = () => toFile(fixtureBytes('made-opus.ogg'), 'My Secret Meeting.opus');

  it('answers json by whisper-1, under the canonical name of the bytes and with the key of the operator', async (context) => {
    const { client } = await start(context);
    openai.behave(openaiVerbose);
    const { data, response } = await client.audio.transcriptions
      .create({ file: await recording(), model: 'openai/whisper-1', language: 'en', prompt: 'Tickets.' })
      .withResponse();
    assert.equal(data.text, 'Two tickets, please.');
    assert.equal(response.headers.get('x-flux-routed-model'), 'openai/whisper-1');
    const [request] = openai.requests;
    assert.equal(request?.path, '/v1/audio/transcriptions');
    assert.equal(request.headers.authorization, `Bearer ${key}`);
    assert.equal(request.headers['content-length'], String(request.body.length));
    const form = await formOf(request);
    const file = form.get('file');
    assert.ok(file instanceof File);
    assert.deepEqual([file.name, file.type], ['audio.ogg', 'audio/ogg']);
    assert.deepEqual(new Uint8Array(await file.arrayBuffer()), fixtureBytes('made-opus.ogg'));
    assert.deepEqual([form.get('model'), form.get('language'), form.get('prompt')], ['whisper-1', 'en', 'Tickets.']);
    assert.ok(!request.body.includes('Secret Meeting'));
  });

  it('answers verbose_json with words by a bare name', async (context) => {
    const { client } = await start(context);
    openai.behave(openaiVerbose);
    const verbose = await client.audio.transcriptions.create({
      file: await recording(),
      model: 'whisper-1',
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    assert.equal(verbose.language, 'english');
    assert.deepEqual(verbose.words?.[1], { word: 'tickets', start: 0.3, end: 0.8 });
    assert.equal(verbose.segments?.[0]?.avg_logprob, -0.2);
    const form = await formOf(openai.requests[0]!);
    assert.equal(form.get('response_format'), 'verbose_json');
    assert.deepEqual(form.getAll('timestamp_granularities[]'), ['segment', 'word']);
  });

  it('gives subtitles of a model that has none', async (context) => {
    const { client } = await start(context);
    openai.behave(answerJson({ text: 'Two tickets, please.' }));
    const vtt = await client.audio.transcriptions.create({
      file: await recording(),
      model: 'openai/gpt-4o-transcribe',
      response_format: 'vtt',
    });
    assert.equal(vtt, 'WEBVTT\n\n00:00:00.000 --> 00:00:01.200\nTwo tickets, please.\n\n');
    assert.equal((await formOf(openai.requests[0]!)).get('response_format'), 'json');
  });

  it("hands a vendor's stream on while it comes, with the tokens that it counts", async (context) => {
    const { client } = await start(context);
    openai.behave(
      answerEvents([
        'data: {"type":"transcript.text.delta","delta":"Two tickets, ple"}\r\n\r\n',
        'data: {"type":"transcript.text.delta","delta":"ase. Than"}\n\ndata: {"type":"transcript.text.del',
        'ta","delta":"ks."}\n\ndata: {"type":"transcript.text.done","text":"Two tickets, please. Thanks.",' +
          '"usage":{"type":"tokens","input_tokens":21,"output_tokens":5,"total_tokens":26}}\n\ndata: [DONE]\n\n',
      ]),
    );
    const stream = await client.audio.transcriptions.create({
      file: await recording(),
      model: 'openai/gpt-4o-mini-transcribe-2025-12-15',
      stream: true,
    });
    const deltas: string[] = [];
    let usage: unknown;
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') deltas.push(event.delta);
      if (event.type === 'transcript.text.done') usage = event.usage;
    }
    assert.deepEqual(deltas, ['Two tickets, please.', ' Thanks.']);
    assert.deepEqual(usage, {
      type: 'tokens',
      input_tokens: 21,
      output_tokens: 5,
      total_tokens: 26,
      input_token_details: { audio_tokens: 0, text_tokens: 0 },
    });
    const form = await formOf(openai.requests[0]!);
    assert.deepEqual([form.get('model'), form.get('stream')], ['gpt-4o-mini-transcribe-2025-12-15', 'true']);
  });

  it('falls back along a list of models, and says so', async (context) => {
    const { client } = await start(context);
    openai.behave(answerJson({ error: { message: 'slow down' } }, 429));
    siliconflow.behave(answerJson({ text: '你好。' }));
    const transcribe = async () =>
      client.audio.transcriptions.create({ file: await recording(), model: 'house' }).withResponse();
    const second = await transcribe();
    assert.equal(second.data.text, '你好。');
    assert.equal(second.response.headers.get('x-flux-routed-model'), 'alibaba/sensevoice-small');
    assert.match(second.response.headers.get('x-flux-fallback') ?? '', /openai\/whisper-1/);
    // The alias was asked for: its price holds, whoever served it. 1.2 s at $0.60 a minute.
    assert.equal(second.response.headers.get('x-flux-cost-usd'), '0.012000000');
    openai.behave(resetConnection);
    siliconflow.behave(answerJson('Invalid token', 401));
    const third = await transcribe();
    assert.equal(third.data.text, heardHere);
    assert.equal(third.response.headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
  });

  it("gives a vendor's word about the caller's input straight back, and asks nobody else", async (context) => {
    const { client } = await start(context);
    openai.behave(
      answerJson(
        {
          error: {
            message: `Audio file might be corrupted (${key}).`,
            type: 'invalid_request_error',
            param: 'file',
            code: 'invalid_value',
          },
        },
        400,
      ),
    );
    const error = await client.audio.transcriptions.create({ file: await recording(), model: 'house' }).then(
      () => assert.fail('it was answered'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof APIError);
    assert.deepEqual([error.status, error.param, error.type], [400, 'file', 'invalid_request_error']);
    assert.match(error.message, /might be corrupted \(\[key\]\)/);
    assert.deepEqual(error.error, {
      message: 'The provider refused the request: Audio file might be corrupted ([key]).',
      type: 'invalid_request_error',
      code: 'invalid_value',
      param: 'file',
      origin: 'provider',
    });
    assert.equal(siliconflow.requests.length, 0);
  });

  it("lets another model stand in for the one that is named, at that one's price", async (context) => {
    const { client } = await start(context);
    openai.behave(answerJson({ error: { message: 'broken' } }, 500));
    siliconflow.behave(answerJson({ text: '你好。' }));
    const { response } = await client.audio.transcriptions
      .create({ file: await recording(), model: 'openai/whisper-1' })
      .withResponse();
    assert.equal(response.headers.get('x-flux-routed-model'), 'alibaba/sensevoice-small');
    assert.match(
      response.headers.get('x-flux-fallback') ?? '',
      /^openai\/whisper-1;[^,]+, alibaba\/sensevoice-small;ok$/,
    );
    // 1.2 s at $0.006 a minute.
    assert.equal(response.headers.get('x-flux-cost-usd'), '0.000120000');
    // It does not speak French: nobody stands in.
    const french = client.audio.transcriptions.create({ file: await recording(), model: 'whisper-1', language: 'fr' });
    await assert.rejects(french, (error) => error instanceof APIError && error.status === 502);
  });

  it('tells on the error who was asked when nobody could answer', async (context) => {
    const { client } = await start(context);
    openai.behave(answerJson({ error: { message: 'broken' } }, 500));
    siliconflow.behave(answerJson({}, 401));
    const refused = client.audio.transcriptions.create({ file: await recording(), model: 'openai/whisper-1' });
    await assert.rejects(
      refused,
      (error) =>
        error instanceof APIError &&
        error.headers?.get('x-flux-fallback') ===
          'openai/whisper-1;bad_gateway, alibaba/sensevoice-small;provider_key_refused',
    );
  });

  it('sends nothing out for a key that forbids it, whatever the name leads to', async (context) => {
    const { gateway } = await start(context);
    const client = new OpenAI({ apiKey: localKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const house = await client.audio.transcriptions.create({ file: await recording(), model: 'house' });
    assert.equal(house.text, heardHere);
    const vendors = client.audio.transcriptions.create({ file: await recording(), model: 'openai/whisper-1' });
    await assert.rejects(
      vendors,
      (error) => error instanceof APIError && error.status === 403 && error.code === 'model_not_allowed',
    );
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes('house') && ids.includes('local/moonshine-tiny'));
    assert.ok(ids.every((id) => !/^(openai|alibaba)\//.test(id)));
    await assert.rejects(client.models.retrieve('openai/whisper-1'), OpenAI.NotFoundError);
    assert.equal(openai.requests.length + siliconflow.requests.length, 0);
  });

  it('lets go of the vendor when the caller hangs up', async (context) => {
    const { client } = await start(context);
    openai.behave(stall);
    const caller = new AbortController();
    const call = client.audio.transcriptions
      .create({ file: await recording(), model: 'openai/whisper-1' }, { signal: caller.signal })
      .catch((thrown: unknown) => thrown);
    const request = await openai.arrived(0);
    caller.abort();
    assert.equal(await request.ended, 'cut');
    assert.ok((await call) instanceof Error);
  });

  it('sends nothing out for an alias of the embedded engine', async (context) => {
    const { client } = await start(context);
    assert.equal(
      (await client.audio.transcriptions.create({ file: await recording(), model: 'flux-voice' })).text,
      heardHere,
    );
    assert.equal(openai.requests.length + siliconflow.requests.length, 0);
  });

  it('lists models of providers that are switched on, and names the provider of one that is not', async (context) => {
    const { client } = await start(context);
    const ids = (await client.models.list()).data.map((one) => one.id);
    assert.ok(ids.includes('openai/whisper-1') && ids.includes('alibaba/sensevoice-small'));
    assert.ok(!ids.includes('groq/whisper-large-v3'));
    await assert.rejects(
      client.audio.transcriptions.create({ file: await recording(), model: 'groq/whisper-large-v3' }),
      (error) => error instanceof APIError && /its provider 'groq' is not switched on/.test(error.message),
    );
  });
});
