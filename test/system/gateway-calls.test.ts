import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { answerJson, formOf, resetConnection } from '../helpers/fake-vendor.ts';
import { createPythonVenv, hasPython, type PythonVenv } from '../helpers/python-venv.ts';
import { hasCurl, runCurl } from '../helpers/run-curl.ts';
import { assertSameWords, speech } from '../helpers/speech.ts';
import { clipWords, type SpeechVendors, startSpeechVendors, tokenUsage, vendorKey } from '../helpers/speech-vendors.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/**
 * Calls as the documents of speech gateways show them, with the models that they name, through the real server to vendors
 * on loopback; only the address and the key are changed. Where two documents contradict each other, the wider promise is
 * kept: srt, vtt and streams are served (one refuses them), 32 MB are taken (others 8 and 25), `model` may be left out
 * (one demands it), and what is answered as plain text costs what it costs as JSON (one bills nothing for it).
 */

let vendors: SpeechVendors;
let server: ServerProcess;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fluxscribe-gateway-'));
  // The documents' own file names, whatever is in them: sound is told by content.
  for (const name of ['meeting.m4a', 'meeting.mp3', 'conference.m4a', 'note.ogg', 'audio.mp3']) {
    await copyFile(speech.path, join(folder, name));
  }
  vendors = await startSpeechVendors();
  server = await startServer(vendors.env);
});
after(async () => {
  await server?.stop();
  await vendors?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => vendors.reset());

const bearer = ['-H', `Authorization: Bearer ${serverKey}`];
const form = (...fields: string[]) => fields.flatMap((field) => ['-F', field]);
const transcribe = (...fields: string[]) =>
  runCurl(folder, [`${server.url}/v1/audio/transcriptions`, ...bearer, ...form(...fields)]);
const skip = !(await hasCurl()) && 'no curl here';
const skipPython = !(await hasPython()) && 'no python3 here';

interface Reply {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}
function jsonOf({ status, body }: Reply) {
  assert.equal(status, 200, body);
  return JSON.parse(body);
}
function headerOf({ headers }: Reply, name: string): string | null {
  return new RegExp(`^${name}: (.*?)\\r?$`, 'im').exec(headers)?.[1] ?? null;
}
const errorOf = ({ body }: Reply) => JSON.parse(body).error;

describe('documented curl calls through the gateway', { skip }, () => {
  describe('of the document whose models are flux-…', () => {
    it('list the aliases beside the models of vendors', async () => {
      const { data } = jsonOf(await runCurl(folder, [`${server.url}/v1/models`, ...bearer]));
      const ids = data.map((one: { id: string }) => one.id);
      for (const id of ['flux-voice', 'flux-voice-accurate', 'flux-voice-fast', 'openai/whisper-1', 'deepgram/flux']) {
        assert.ok(ids.includes(id), id);
      }
    });

    for (const model of ['flux-voice', 'flux-voice-accurate', 'flux-voice-fast']) {
      it(`transcribe by ${model}, on this machine`, async () => {
        const reply = await transcribe('file=@meeting.m4a', `model=${model}`);
        assertSameWords(jsonOf(reply).text, speech.text);
        assert.match(headerOf(reply, 'x-flux-routed-model') ?? '', /^local\//);
        assert.equal(headerOf(reply, 'x-flux-billed-seconds'), '10');
        assert.match(headerOf(reply, 'x-flux-cost-usd') ?? '', /^0\.01666/);
        assert.equal(vendors.openai.requests.length, 0);
      });
    }

    it('get word times of a note', async () => {
      const reply = jsonOf(
        await transcribe(
          ...['file=@note.ogg', 'model=flux-voice', 'response_format=verbose_json'],
          'timestamp_granularities[]=word',
        ),
      );
      assert.ok(reply.words.length > 10);
      assert.deepEqual([reply.language, reply.duration], ['english', speech.seconds]);
    });

    it('get plain text', async () => {
      const reply = await transcribe('file=@note.ogg', 'model=flux-voice', 'response_format=text');
      assertSameWords(reply.body, speech.text);
      assert.match(headerOf(reply, 'content-type') ?? '', /^text\/plain/);
    });
  });

  describe('of the document with jobs', () => {
    it('ask for the health without a key', async () => {
      const health = jsonOf(await runCurl(folder, [`${server.url}/health`]));
      assert.deepEqual([health.status, typeof health.version, typeof health.model], ['ok', 'string', 'string']);
    });
  });

  describe('of the document with Whisper and SenseVoice', () => {
    it('get text and duration from openai/whisper-1 at a base without /v1', async () => {
      const at = `${server.url}/audio/transcriptions`;
      const reply = await runCurl(folder, [at, ...bearer, ...form('model=openai/whisper-1', 'file=@audio.mp3')]);
      const { text, duration, usage } = jsonOf(reply);
      assert.deepEqual([text, duration], [speech.text, speech.seconds]);
      assert.deepEqual(usage, { type: 'duration', seconds: speech.seconds });
      // $0.006 a minute, by the millisecond.
      assert.equal(headerOf(reply, 'x-flux-cost-usd'), '0.000621000');
      const [request] = vendors.openai.requests;
      assert.equal(request?.headers.authorization, `Bearer ${vendorKey}`);
      assert.equal((await formOf(request)).get('model'), 'whisper-1');
    });

    it('get text and duration from alibaba/sensevoice-small, which finds out the language itself', async () => {
      const reply = await transcribe(
        ...['model=alibaba/sensevoice-small', 'file=@audio.mp3', 'language=zh', 'response_format=json'],
      );
      const { text, duration } = jsonOf(reply);
      assert.deepEqual([text, duration], [speech.text, speech.seconds]);
      assert.equal(headerOf(reply, 'x-flux-routed-model'), 'alibaba/sensevoice-small');
      assert.equal(headerOf(reply, 'x-flux-unmet'), 'language');
      assert.equal((await formOf(vendors.siliconflow.requests[0]!)).get('model'), 'FunAudioLLM/SenseVoiceSmall');
    });

    for (const [format, begins] of [
      ['json', '{"text":"My uncle'],
      ['text', 'My uncle keeps'],
      ['srt', '1\n00:00:00,'],
      ['vtt', 'WEBVTT\n\n00:00:00.'],
      ['verbose_json', '{"task":"transcribe"'],
    ] as const) {
      for (const model of ['openai/whisper-1', 'alibaba/sensevoice-small']) {
        it(`get ${format} from ${model}`, async () => {
          const reply = await transcribe(`model=${model}`, 'file=@audio.mp3', `response_format=${format}`);
          assert.equal(reply.status, 200, reply.body);
          assert.ok(reply.body.startsWith(begins), reply.body);
          assert.equal(headerOf(reply, 'x-flux-billed-seconds'), String(speech.seconds));
        });
      }
    }

    it('fall back to SenseVoice when Whisper is not available', async () => {
      vendors.openai.behave(answerJson({ error: { message: 'down', type: 'server_error' } }, 500));
      const reply = await transcribe('model=openai/whisper-1', 'file=@audio.mp3');
      assert.equal(jsonOf(reply).text, speech.text);
      assert.equal(headerOf(reply, 'x-flux-routed-model'), 'alibaba/sensevoice-small');
      assert.match(headerOf(reply, 'x-flux-fallback') ?? '', /openai\/whisper-1/);
    });
  });

  describe("of the document with OpenAI's models", () => {
    it('get text and the tokens that openai/gpt-4o-transcribe counts', async () => {
      const { text, usage } = jsonOf(await transcribe('model=openai/gpt-4o-transcribe', 'file=@./meeting.mp3'));
      assert.deepEqual([text, usage], [speech.text, tokenUsage]);
    });

    it('name a language', async () => {
      const reply = jsonOf(await transcribe('model=openai/gpt-4o-transcribe', 'language=fr', 'file=@./conference.m4a'));
      assert.equal(reply.text, speech.text);
      assert.equal((await formOf(vendors.openai.requests[0]!)).get('language'), 'fr');
    });

    it('name a snapshot of a day', async () => {
      const model = 'openai/gpt-4o-mini-transcribe-2025-12-15';
      const reply = await transcribe(`model=${model}`, 'file=@./meeting.mp3');
      assert.deepEqual(jsonOf(reply).usage, tokenUsage);
      assert.equal((await formOf(vendors.openai.requests[0]!)).get('model'), 'gpt-4o-mini-transcribe-2025-12-15');
    });

    it('get words and segments of whisper-1, in the whole shape', async () => {
      const reply = jsonOf(
        await transcribe(
          ...['model=openai/whisper-1', 'response_format=verbose_json', 'timestamp_granularities[]=word'],
          ...['timestamp_granularities[]=segment', 'file=@./meeting.mp3'],
        ),
      );
      assert.deepEqual(
        [reply.task, reply.language, reply.duration, reply.text],
        ['transcribe', 'english', speech.seconds, speech.text],
      );
      assert.deepEqual(
        reply.words.map((one: { word: string }) => one.word),
        clipWords.map((one) => one.word),
      );
      assert.deepEqual(
        Object.keys(reply.segments[0]).slice(0, 10),
        'id seek start end text tokens temperature avg_logprob compression_ratio no_speech_prob'.split(' '),
      );
      assert.equal(reply.segments[0].text, ` ${speech.text}`);
    });

    it('get one kind of times from mistral/voxtral-mini-latest', async () => {
      const reply = jsonOf(
        await transcribe(
          ...['model=mistral/voxtral-mini-latest', 'response_format=verbose_json'],
          ...['timestamp_granularities[]=segment', 'file=@./meeting.mp3'],
        ),
      );
      assert.equal(reply.segments[0].text, ` ${speech.text}`);
      assert.deepEqual((await formOf(vendors.mistral.requests[0]!)).getAll('timestamp_granularities'), ['segment']);
    });

    it('get errors with the word who it was', async () => {
      const missing = await transcribe('model=openai/gpt-4o-transcribe');
      assert.deepEqual(
        [missing.status, errorOf(missing).code, errorOf(missing).origin],
        [400, 'missing_file', 'router'],
      );
      const unknown = await transcribe('model=openai/no-such-model', 'file=@./meeting.mp3');
      assert.deepEqual([unknown.status, errorOf(unknown).code], [404, 'model_not_found']);
      const error = { message: 'Bad file.', type: 'invalid_request_error', param: 'file', code: null };
      vendors.openai.behave(answerJson({ error }, 400));
      const refused = await transcribe('model=openai/gpt-4o-transcribe', 'file=@./meeting.mp3');
      const { origin, param, message } = errorOf(refused);
      assert.deepEqual([refused.status, origin, param], [400, 'provider', 'file']);
      assert.match(message, /Bad file\./);
    });

    it('refuse more than 32 MB', async () => {
      await writeFile(join(folder, 'large.mp3'), Buffer.alloc(33 * 1024 * 1024));
      const reply = await transcribe('model=openai/gpt-4o-transcribe', 'file=@large.mp3');
      assert.deepEqual([reply.status, errorOf(reply).code], [413, 'payload_too_large']);
    });

    it('pass on that a vendor has too many requests, and when to come back', async () => {
      vendors.openai.behave(answerJson({ error: { message: 'slow down' } }, 429, { 'retry-after': '40' }));
      // A model that nothing else here asks for: it is left alone until then.
      const reply = await transcribe('model=openai/gpt-transcribe', 'file=@./meeting.mp3');
      assert.ok(reply.status === 503 || reply.status === 429, reply.body);
      assert.ok(Number(headerOf(reply, 'retry-after')) >= 1, reply.headers);
    });
  });

  describe("of the document with Deepgram's Flux", () => {
    const flux = 'model="deepgram/flux"';
    it('get text, language and duration', async () => {
      const reply = await transcribe(flux, 'file=@audio.mp3');
      const { text, language, duration } = jsonOf(reply);
      assert.deepEqual([text, language, duration], [speech.text, 'en', speech.seconds]);
      // $0.0077 a minute.
      assert.equal(headerOf(reply, 'x-flux-cost-usd'), '0.000796950');
      const handshake = vendors.deepgram.sockets.at(-1);
      assert.equal(handshake?.headers.authorization, `Token ${vendorKey}`);
      assert.match(handshake.path, /^\/v2\/listen\?model=flux-general-multi&encoding=linear16&sample_rate=16000/);
    });

    for (const format of ['verbose_json', 'text', 'srt', 'vtt']) {
      it(`get ${format} in English`, async () => {
        const reply = await transcribe(flux, 'file=@audio.mp3', `response_format=${format}`, 'language=en');
        assert.equal(reply.status, 200, reply.body);
        assert.match(reply.body, /My uncle/);
        assert.match(vendors.deepgram.sockets.at(-1)?.path ?? '', /model=flux-general-en&/);
      });
    }

    it('are told about a bad key and an unknown model by type and code', async () => {
      const at = `${server.url}/v1/audio/transcriptions`;
      const wrong = ['-H', 'Authorization: Bearer sk-aig-nobody'];
      const refused = await runCurl(folder, [at, ...wrong, ...form(flux, 'file=@audio.mp3')]);
      assert.deepEqual([refused.status, errorOf(refused).type], [401, 'authentication_error']);
      const unknown = await transcribe('model=deepgram/fluxx', 'file=@audio.mp3');
      assert.deepEqual([unknown.status, errorOf(unknown).param], [404, 'model']);
    });
  });
});

describe('documented SDK calls through the gateway', () => {
  const client = (base: string) =>
    new OpenAI({ baseURL: `${server.url}${base}`, apiKey: serverKey, maxRetries: 0 }).audio.transcriptions;

  it('of openai for Node: openai/gpt-4o-transcribe from a read stream', async () => {
    const transcript = await client('/v1').create({
      model: 'openai/gpt-4o-transcribe',
      file: createReadStream(join(folder, 'meeting.mp3')),
    });
    assert.equal(transcript.text, speech.text);
  });

  it('of openai for Node: events of a model that streams', async () => {
    const stream = await client('/v1').create({
      model: 'openai/gpt-4o-transcribe',
      file: createReadStream(join(folder, 'meeting.mp3')),
      stream: true,
    });
    let text = '';
    for await (const event of stream) if (event.type === 'transcript.text.delta') text += event.delta;
    assert.equal(text, speech.text);
  });

  it('of openai for Node: the class of error that the vendor answered with', async () => {
    const error = { message: 'Bad file.', type: 'invalid_request_error', param: 'file', code: 'invalid_value' };
    vendors.openai.behave(answerJson({ error }, 400));
    await assert.rejects(
      client('/v1').create({ model: 'openai/gpt-4o-mini-transcribe', file: createReadStream(speech.path) }),
      (thrown) => thrown instanceof OpenAI.BadRequestError && thrown.param === 'file',
    );
  });

  it('of openai for Node: a vendor that is gone is a server error', async () => {
    vendors.openai.behave(resetConnection);
    await assert.rejects(
      client('/v1').create({ model: 'openai/gpt-4o-mini-transcribe', file: createReadStream(speech.path) }),
      (thrown) => thrown instanceof OpenAI.InternalServerError,
    );
  });

  describe('of openai for Python', { skip: skipPython }, () => {
    let python: PythonVenv;
    let results: Readonly<Record<string, { text?: string; words?: readonly { word: string }[]; status?: number }>>;
    before(async () => {
      python = await createPythonVenv(['openai']);
      vendors.reset();
      const script = fileURLToPath(new URL('./gateway_calls.py', import.meta.url));
      results = JSON.parse(await python.run(script, server.url, serverKey, folder));
    });
    after(() => python?.remove());

    for (const name of ['flux-voice', 'whisper', 'sensevoice', 'gpt-4o', 'flux', 'voxtral']) {
      it(`gets text from ${name}`, () => assertSameWords(results[name]?.text ?? '', speech.text));
    }

    it('gets words from whisper-1', () => {
      assert.deepEqual(
        results.words?.words?.map((one) => one.word),
        clipWords.map((one) => one.word),
      );
    });

    it('raises NotFoundError for a model that nobody has', () => assert.equal(results.unknown?.status, 404));
  });
});
