import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { hasCurl, runCurl } from '../helpers/run-curl.ts';
import { assertSameWords, speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/**
 * Calls as the documents of speech gateways show them, with only the address and the key changed. Where a document names
 * a vendor's model, its provider is not switched on here (gateway-calls.test.ts has them all), and the same call works
 * with a model that is.
 */

let server: ServerProcess;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fluxscribe-documents-'));
  // The documents' own file names, whatever is in them: sound is told by content.
  for (const name of ['meeting.m4a', 'meeting.mp3', 'note.ogg', 'audio.mp3']) {
    await copyFile(speech.path, join(folder, name));
  }
  server = await startServer();
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const curl = (...args: string[]) => runCurl(folder, args);
const bearer = ['-H', `Authorization: Bearer ${serverKey}`];
const transcriptions = () => `${server.url}/v1/audio/transcriptions`;

const skip = !(await hasCurl()) && 'no curl here';
describe('documented curl calls', { skip }, () => {
  it('list the aliases', async () => {
    const { status, body } = await curl(`${server.url}/v1/models`, ...bearer);
    assert.equal(status, 200);
    const ids = (JSON.parse(body) as { data: { id: string }[] }).data.map((one) => one.id);
    for (const id of ['flux-voice', 'flux-voice-accurate', 'flux-voice-fast']) assert.ok(ids.includes(id), id);
  });

  it('transcribe a file by the default alias', async () => {
    const { status, headers, body } = await curl(
      ...[transcriptions(), ...bearer, '-F', 'file=@meeting.m4a', '-F', 'model=flux-voice'],
    );
    assert.equal(status, 200);
    assertSameWords(JSON.parse(body).text, speech.text);
    assert.match(headers, /^x-flux-routed-model: local\/moonshine-tiny$/im);
    assert.match(headers, /^x-flux-billed-seconds: 10$/im);
    assert.match(headers, /^x-flux-cost-usd: 0\.0166666/im);
  });

  it('transcribe a file when no model is named', async () => {
    const { status, body } = await curl(transcriptions(), ...bearer, '-F', 'file=@meeting.m4a');
    assert.equal(status, 200);
    assertSameWords(JSON.parse(body).text, speech.text);
  });

  it('get word times for a note recorded in a browser', async () => {
    const { status, body } = await curl(
      ...[transcriptions(), ...bearer, '-F', 'file=@note.ogg', '-F', 'model=flux-voice'],
      ...['-F', 'response_format=verbose_json', '-F', 'timestamp_granularities[]=word'],
    );
    assert.equal(status, 200);
    const reply = JSON.parse(body);
    assertSameWords(reply.words.map((one: { word: string }) => one.word).join(' '), speech.text);
    assert.deepEqual([reply.language, reply.duration], ['english', speech.seconds]);
  });

  const ofVendors: readonly (readonly [string, string, readonly string[]])[] = [
    ['a provider-prefixed model', 'openai/gpt-4o-transcribe', ['-F', 'file=@./meeting.mp3']],
    ['a date-pinned snapshot', 'openai/gpt-4o-mini-transcribe-2025-12-15', ['-F', 'file=@./meeting.mp3']],
    ['a model for voice agents', '"deepgram/flux"', ['-F', 'file=@audio.mp3']],
    ['a model that gives one kind of times', 'mistral/voxtral-mini-latest', ['-F', 'file=@./meeting.mp3']],
    [
      'both kinds of times',
      'openai/whisper-1',
      [
        ...['-F', 'response_format=verbose_json', '-F', 'timestamp_granularities[]=word'],
        ...['-F', 'timestamp_granularities[]=segment', '-F', 'file=@./meeting.mp3'],
      ],
    ],
  ];
  for (const [name, model, form] of ofVendors) {
    it(`name ${name}: 503 for a vendor that is not switched on, words for a model of ours`, async () => {
      const refused = await curl(transcriptions(), ...bearer, '-F', `model=${model}`, ...form);
      assert.equal(refused.status, 503);
      const { error } = JSON.parse(refused.body);
      assert.deepEqual([error.code, error.param, error.origin], ['no_model_installed', 'model', 'router']);
      assert.match(error.message, /its provider '[a-z]+' is not switched on here/);

      const served = await curl(transcriptions(), ...bearer, '-F', 'model="flux-voice"', ...form);
      assert.equal(served.status, 200);
      const reply = JSON.parse(served.body);
      assertSameWords(reply.text, speech.text);
      assert.deepEqual([reply.usage.type, reply.duration], ['duration', speech.seconds]);
      assert.equal('words' in reply && 'segments' in reply, form.includes('timestamp_granularities[]=word'));
    });
  }

  it('name a language: 400 with the model to pull, since the embedded one speaks English', async () => {
    const form = ['-F', 'model=flux-voice', '-F', 'language=fr', '-F', 'file=@./meeting.mp3'];
    const { status, body } = await curl(transcriptions(), ...bearer, ...form);
    assert.equal(status, 400);
    const { error } = JSON.parse(body);
    assert.deepEqual([error.code, error.param], ['unsupported_language', 'language']);
    assert.match(error.message, /fluxscribe models pull whisper-base/);
  });

  it('present a key without the word Bearer', async () => {
    const { status } = await curl(`${server.url}/v1/models`, '-H', `Authorization: ${serverKey}`);
    assert.equal(status, 200);
    const refused = await curl(`${server.url}/v1/models`, '-H', 'Authorization: Bearer YOUR_KEY');
    assert.deepEqual([refused.status, JSON.parse(refused.body).error.code], [401, 'invalid_api_key']);
  });

  it('check the health without a key', async () => {
    const { status, body } = await curl(`${server.url}/health`);
    assert.equal(status, 200);
    const health = JSON.parse(body);
    assert.deepEqual([health.status, typeof health.version, typeof health.model], ['ok', 'string', 'string']);
  });
});

describe('documented SDK calls', () => {
  const create = (base: string, model: string, more: object = {}) =>
    new OpenAI({ baseURL: `${server.url}${base}`, apiKey: serverKey, maxRetries: 0 }).audio.transcriptions.create({
      model,
      file: createReadStream(join(folder, 'meeting.mp3')),
      ...more,
    });

  for (const base of ['/v1', '']) {
    for (const model of ['openai/gpt-4o-transcribe', 'openai/whisper-1', 'alibaba/sensevoice-small', 'deepgram/flux']) {
      it(`name ${model} at a base URL that ends in '${base}': InternalServerError`, async () => {
        await assert.rejects(create(base, model), (error) => {
          return error instanceof OpenAI.InternalServerError && error.code === 'no_model_installed';
        });
      });
    }

    it(`name flux-voice at a base URL that ends in '${base}': words`, async () => {
      assertSameWords((await create(base, 'flux-voice', { response_format: 'json' })).text, speech.text);
    });
  }

  it('ask for Chinese: BadRequestError with the model to pull', async () => {
    await assert.rejects(create('', 'flux-voice', { language: 'zh', response_format: 'json' }), (error) => {
      return error instanceof OpenAI.BadRequestError && error.code === 'unsupported_language';
    });
  });
});
