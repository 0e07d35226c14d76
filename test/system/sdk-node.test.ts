import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, transcribe } from 'ai';
import OpenAI, { toFile } from 'openai';
import type { TranscriptionDiarized } from 'openai/resources/audio/transcriptions';
import { assertSameWords, sharedAudio, speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/** Clients as their makers ship them, against the server as we ship it: real sound in, real words out. */

/** What an operator writes so that programs which hard-wire a vendor's model name go on working. */
const operatorCatalogue = `
aliases:
  - id: whisper-1
    name: Whisper 1, served here
    description: For programs that insist on the name.
    models: [local/moonshine-tiny]
    price: { per_minute_usd: "0.006", minimum_seconds: 0 }
`;

let server: ServerProcess;
let folder: string;
let bytes: Buffer<ArrayBuffer>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fluxscribe-sdk-'));
  const catalogueFile = join(folder, 'catalogue.yaml');
  await writeFile(catalogueFile, operatorCatalogue);
  bytes = Buffer.from(await readFile(speech.path));
  server = await startServer({ FLUXSCRIBE_CATALOGUE_FILE: catalogueFile });
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const clip = () => toFile(bytes, 'speech.ogg');
function client(options: { apiKey?: string; base?: string } = {}): OpenAI {
  const { apiKey = serverKey, base = '/v1' } = options;
  return new OpenAI({ apiKey, maxRetries: 0, baseURL: `${server.url}${base}` });
}

async function failureOf(request: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await request;
  } catch (thrown) {
    assert.ok(thrown instanceof OpenAI.APIError, String(thrown));
    return thrown;
  }
  return assert.fail('the request succeeded');
}

/** Times rise and lie in the recording. */
function assertTimes(spans: readonly { start: number; end: number }[], seconds: number): void {
  let last = 0;
  for (const { start, end } of spans) {
    assert.ok(start >= last && end >= start && end <= seconds + 0.001, `${start} to ${end} after ${last}`);
    last = start;
  }
}

describe('the openai SDK for Node', () => {
  it('gets json with the words, the length and the receipt', async () => {
    const { data, response, request_id } = await client()
      .audio.transcriptions.create({ file: await clip(), model: 'flux-voice' })
      .withResponse();
    assertSameWords(data.text, speech.text);
    assert.deepEqual(data.usage, { type: 'duration', seconds: speech.seconds });
    assert.match(request_id ?? '', /^req_/);
    assert.equal(response.headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
    assert.equal(response.headers.get('x-flux-billed-seconds'), '10');
    assert.equal(response.headers.get('x-flux-cost-usd'), '0.016666667');
  });

  it('gets verbose_json with words, with segments and with both', async () => {
    const verbose = async (granularities?: ('word' | 'segment')[]) =>
      client().audio.transcriptions.create({
        file: await clip(),
        model: 'flux-voice-accurate',
        response_format: 'verbose_json',
        ...(granularities && { timestamp_granularities: granularities }),
      });
    const both = await verbose(['word', 'segment']);
    assert.equal(both.language, 'english');
    assert.equal(both.duration, speech.seconds);
    assertSameWords(both.text, speech.text);
    assertSameWords(both.words!.map((one) => one.word).join(' '), speech.text);
    assertSameWords(both.segments!.map((one) => one.text).join(''), speech.text);
    assertTimes(both.words!, speech.seconds);
    assertTimes(both.segments!, speech.seconds);
    assert.ok(both.segments!.every((one) => one.avg_logprob < 0 && one.tokens.length > 0 && one.text.startsWith(' ')));
    const words = await verbose(['word']);
    assert.deepEqual([words.segments, words.words], [undefined, both.words]);
    for (const plain of [await verbose(['segment']), await verbose()]) {
      assert.deepEqual([plain.words, plain.segments!.length], [undefined, both.segments!.length]);
    }
  });

  it('gets text, srt and vtt as strings', async () => {
    const as = async (format: 'text' | 'srt' | 'vtt') =>
      client().audio.transcriptions.create({ file: await clip(), model: 'flux-voice-fast', response_format: format });
    const text = await as('text');
    assert.equal(typeof text, 'string');
    assertSameWords(text, speech.text);

    const srt = await as('srt');
    assert.match(srt, /^1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n/);
    assertSameWords(srt.replaceAll(/^(\d+|[\d:,]+ --> [\d:,]+)$/gm, ''), speech.text);
    const vtt = await as('vtt');
    assert.match(vtt, /^WEBVTT\n\n00:00:00\.\d{3} --> 00:00:0\d\.\d{3}\n/);
    assertSameWords(vtt.slice('WEBVTT'.length).replaceAll(/^[\d:.]+ --> [\d:.]+$/gm, ''), speech.text);
  });

  it('streams deltas that add up to the last event', async () => {
    const stream = await client().audio.transcriptions.create({
      file: await clip(),
      model: 'flux-voice',
      stream: true,
    });
    let deltas = '';
    let done: string | null = null;
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') deltas += event.delta;
      if (event.type === 'transcript.text.done') done = event.text;
    }
    assertSameWords(deltas, speech.text);
    assert.equal(done, deltas);
  });

  it('gets diarized_json, whole and streamed', async () => {
    const ask = { model: 'flux-voice', response_format: 'diarized_json', chunking_strategy: 'auto' } as const;
    // The SDK types this format as plain json.
    const whole = (await client().audio.transcriptions.create({ ...ask, file: await clip() })) as TranscriptionDiarized;
    assertSameWords(whole.segments.map((one) => one.text).join(' '), speech.text);
    assert.ok(whole.segments.every((one) => one.speaker === 'A' && one.type === 'transcript.text.segment'));
    assertTimes(whole.segments, speech.seconds);

    const segments: string[] = [];
    const stream = await client().audio.transcriptions.create({ ...ask, file: await clip(), stream: true });
    for await (const event of stream) if (event.type === 'transcript.text.segment') segments.push(event.text);
    assert.deepEqual(
      segments,
      whole.segments.map((one) => one.text),
    );
  });

  it('gets log-probabilities whose tokens are the text', async () => {
    const ask = { model: 'flux-voice', include: ['logprobs' as const] };
    const whole = await client().audio.transcriptions.create({ ...ask, file: await clip() });
    assert.equal(
      whole
        .logprobs!.map((one) => one.token)
        .join('')
        .trim(),
      whole.text,
    );
    assert.ok(whole.logprobs!.every((one) => one.logprob! <= 0));
    const stream = await client().audio.transcriptions.create({ ...ask, file: await clip(), stream: true });
    let tokens = '';
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') tokens += event.logprobs!.map((one) => one.token).join('');
    }
    assert.equal(tokens.trim(), whole.text);
  });

  it('uploads a read stream, a File and a Response', async () => {
    for (const file of [
      createReadStream(speech.path),
      new File([bytes], 'misnamed.mp3', { type: 'audio/mpeg' }),
      new Response(bytes),
    ]) {
      const reply = await client().audio.transcriptions.create({ file, model: 'local/moonshine-tiny', language: 'en' });
      assertSameWords(reply.text, speech.text);
    }
  });

  it('sends a VAD object, and a base URL without /v1', async () => {
    const { data, response } = await client({ base: '' })
      .audio.transcriptions.create({
        file: await clip(),
        model: 'flux-voice',
        chunking_strategy: { type: 'server_vad', silence_duration_ms: 300, threshold: 0.4 },
      })
      .withResponse();
    assertSameWords(data.text, speech.text);
    assert.equal(response.headers.get('x-flux-unmet'), 'chunking_strategy');
  });

  it('lists the models and finds one whose id has a slash', async () => {
    const ids: string[] = [];
    for await (const model of client().models.list()) ids.push(model.id);
    assert.deepEqual(ids.toSorted(), [
      'akro-v1',
      'flux-voice',
      'flux-voice-accurate',
      'flux-voice-fast',
      'local/moonshine-tiny',
      'whisper-1',
    ]);
    const found = await client().models.retrieve('local/moonshine-tiny');
    assert.deepEqual([found.id, found.owned_by, found.object], ['local/moonshine-tiny', 'local', 'model']);
    const missing = await failureOf(client().models.retrieve('openai/no-such-model'));
    assert.deepEqual([missing.constructor, missing.code], [OpenAI.NotFoundError, 'model_not_found']);
  });

  it('bills an alias at its own price, by the second where it has no minimum', async () => {
    const { response } = await client()
      .audio.transcriptions.create({ file: await clip(), model: 'whisper-1' })
      .withResponse();
    assert.equal(response.headers.get('x-flux-billed-seconds'), String(speech.seconds));
    assert.equal(response.headers.get('x-flux-cost-usd'), '0.000621000');
  });

  it("answers names of OpenAI's by the embedded engine where nobody serves them, at the price of who answers", async () => {
    for (const model of ['gpt-4o-transcribe', 'gpt-4o-mini-transcribe-2025-12-15', 'gpt-transcribe']) {
      const { data, response } = await client()
        .audio.transcriptions.create({ file: await clip(), model })
        .withResponse();
      assertSameWords(data.text, speech.text);
      assert.equal(response.headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
      assert.equal(response.headers.get('x-flux-billed-seconds'), '10');
    }
    assert.equal((await client().models.retrieve('gpt-4o-transcribe')).id, 'flux-voice');
    const prefixed = await failureOf(
      client().audio.transcriptions.create({ file: await clip(), model: 'openai/gpt-4o-transcribe' }),
    );
    assert.deepEqual([prefixed.status, prefixed.code], [503, 'no_model_installed']);
  });

  describe('raises its own class', () => {
    it('401 for a wrong key and for none', async () => {
      const wrong = await failureOf(
        client({ apiKey: 'sk-nobody' }).audio.transcriptions.create({ file: await clip(), model: 'flux-voice' }),
      );
      assert.deepEqual([wrong.constructor, wrong.code], [OpenAI.AuthenticationError, 'invalid_api_key']);
      const none = await failureOf(client().get('/models', { headers: { authorization: null } }));
      assert.deepEqual([none.constructor, none.code], [OpenAI.AuthenticationError, 'invalid_api_key']);
    });

    const badValues = [
      [{ response_format: 'yaml' }, 'response_format'],
      [{ temperature: 1.5 }, 'temperature'],
      [{ language: 'klingon' }, 'language'],
      [{ timestamp_granularities: ['letter'] }, 'timestamp_granularities'],
      [{ include: ['everything'] }, 'include'],
      [{ chunking_strategy: { type: 'server_vad', threshold: 7 } }, 'chunking_strategy'],
    ] as const;
    for (const [fields, param] of badValues) {
      it(`400 naming ${param} for ${JSON.stringify(fields)}`, async () => {
        const ask = { file: await clip(), model: 'flux-voice', ...fields };
        const error = await failureOf(client().audio.transcriptions.create(ask as never));
        assert.deepEqual([error.constructor, error.code], [OpenAI.BadRequestError, 'invalid_value']);
        assert.ok(error.param?.startsWith(param), String(error.param));
      });
    }

    it('400 for a form without a file', async () => {
      const body = new FormData();
      body.append('model', 'flux-voice');
      const error = await failureOf(client().post('/audio/transcriptions', { body }));
      assert.deepEqual([error.constructor, error.code, error.param], [OpenAI.BadRequestError, 'missing_file', 'file']);
    });

    it('400 naming the model to pull for a language that nothing installed speaks', async () => {
      const error = await failureOf(
        client().audio.transcriptions.create({ file: await clip(), model: 'flux-voice', language: 'de' }),
      );
      assert.deepEqual([error.constructor, error.code], [OpenAI.BadRequestError, 'unsupported_language']);
      assert.match(error.message, /fluxscribe models pull whisper-base/);
    });

    it('400 for a translation that no installed model can make', async () => {
      const error = await failureOf(client().audio.translations.create({ file: await clip(), model: 'flux-voice' }));
      assert.equal(error.constructor, OpenAI.BadRequestError);
      assert.match(error.message, /fluxscribe models pull whisper-base/);
    });

    it('400 for what is no sound, for nothing and for a damaged file', async () => {
      const cases = [
        [Buffer.from('These are words, but nobody speaks them.\n'.repeat(50)), 'unsupported_audio'],
        [Buffer.alloc(0), 'missing_file'],
        [bytes.subarray(0, 60), 'audio_unreadable'],
      ] as const;
      for (const [content, code] of cases) {
        const file = await toFile(content, 'speech.wav');
        const error = await failureOf(client().audio.transcriptions.create({ file, model: 'flux-voice' }));
        assert.deepEqual([error.constructor, error.code, error.param], [OpenAI.BadRequestError, code, 'file']);
      }
    });

    it('404 for a model that does not exist', async () => {
      const error = await failureOf(client().audio.transcriptions.create({ file: await clip(), model: 'gpt-9-ears' }));
      assert.deepEqual(
        [error.constructor, error.code, error.param],
        [OpenAI.NotFoundError, 'model_not_found', 'model'],
      );
    });

    it('413 for a file above the ceiling, sized or chunked', async () => {
      const path = join(folder, 'large.wav');
      await writeFile(path, Buffer.alloc(33 * 1024 * 1024 + 1));
      for (const file of [await toFile(await readFile(path), 'large.wav'), createReadStream(path)]) {
        const error = await failureOf(client().audio.transcriptions.create({ file, model: 'flux-voice' }));
        assert.deepEqual([error.status, error.code, error.param], [413, 'payload_too_large', 'file']);
      }
      await rm(path);
      assert.deepEqual(await server.spooledFiles(), []);
    });
  });

  it('hears the shared test clips', { skip: sharedAudio === null && 'no ../shared/audio here' }, async () => {
    for (const name of ['formats/opus-48k.ogg', 'formats/aac-44k-moov-last.m4a', 'formats/pcm16-16k.wav']) {
      const file = createReadStream(join(sharedAudio!, name));
      const { text } = await client().audio.transcriptions.create({ file, model: 'flux-voice' });
      assertSameWords(
        text,
        'margaret said mister hale as he returned from showing his guest downstairs i could not help watching your ' +
          'face with some anxiety when mister thornton made his confession of having been a shop boy',
        name,
      );
    }
  });
});

describe('the AI SDK', () => {
  const provider = () => createOpenAI({ apiKey: serverKey, baseURL: `${server.url}/v1` });

  it('reads verbose_json through its strict schema', async () => {
    const result = await transcribe({
      model: provider().transcription('whisper-1'),
      audio: bytes,
      maxRetries: 0,
      providerOptions: { openai: { timestampGranularities: ['word', 'segment'], language: 'en', temperature: 0 } },
    });
    assertSameWords(result.text, speech.text);
    assert.equal(result.language, 'en');
    assert.equal(result.durationInSeconds, speech.seconds);
    assert.ok(result.segments.length >= 1);
  });

  it('reads every format that it can ask for from a model of ours', async () => {
    for (const responseFormat of ['json', 'verbose_json', 'diarized_json'] as const) {
      const result = await transcribe({
        model: provider().transcription('flux-voice'),
        audio: bytes,
        maxRetries: 0,
        providerOptions: { openai: { responseFormat, chunkingStrategy: { type: 'server_vad', threshold: 0.4 } } },
      });
      assertSameWords(result.text, speech.text);
    }
  });

  it('raises APICallError with the status and the message', async () => {
    const wrongKey = createOpenAI({ apiKey: 'sk-nobody', baseURL: `${server.url}/v1` });
    for (const [model, status] of [
      [wrongKey.transcription('flux-voice'), 401],
      [provider().transcription('gpt-9-ears'), 404],
    ] as const) {
      await assert.rejects(
        transcribe({ model, audio: bytes, maxRetries: 0 }),
        (error: unknown) => APICallError.isInstance(error) && error.statusCode === status,
      );
    }
  });
});
