import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import OpenAI, { toFile } from 'openai';
import type { TranscriptionDiarized } from 'openai/resources/audio/transcriptions';
import { type ErrorCode, GatewayError } from '../../src/core/errors.ts';
import { inSegments, outcomeOf, untilHangUp } from '../helpers/scripted-transcribe.ts';
import { boundedKey, goodKey, startTestGateway, type TestGateway, wavBytes } from '../helpers/test-gateway.ts';
import { silence, twoTickets } from '../helpers/transcripts.ts';

const text = 'Two tickets, please. Thanks.';

function clientOf(gateway: TestGateway, options: { apiKey?: string; maxRetries?: number; base?: string } = {}): OpenAI {
  const { apiKey = goodKey, maxRetries = 0, base = '/v1' } = options;
  return new OpenAI({ apiKey, maxRetries, baseURL: `${gateway.url}${base}` });
}
const wav = () => toFile(wavBytes(), 'speech.wav');

/** What a request fails with; a success is a failure of the test. */
async function failureOf(request: Promise<unknown>): Promise<unknown> {
  try {
    await request;
  } catch (thrown) {
    return thrown;
  }
  return assert.fail('the request succeeded');
}

async function setUp(context: TestContext) {
  const gateway = await startTestGateway(context);
  return { gateway, client: clientOf(gateway) };
}

describe('the openai SDK for Node', () => {
  it('gets json, and every header on the raw response', async (context) => {
    const { gateway, client } = await setUp(context);
    const { data, response, request_id } = await client.audio.transcriptions
      .create({ file: await wav(), model: 'flux-voice' })
      .withResponse();
    assert.equal(data.text, text);
    assert.deepEqual(data.usage, { type: 'duration', seconds: 4.6 });
    assert.match(request_id ?? '', /^req_/);
    assert.equal(response.headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
    assert.equal(response.headers.get('x-flux-billed-seconds'), '10');
    assert.equal(response.headers.get('x-flux-cost-usd'), '0.016666667');
    assert.match(response.headers.get('openai-processing-ms') ?? '', /^\d+$/);
    assert.equal(response.headers.get('x-flux-fallback'), null);
    assert.deepEqual(gateway.script.calls[0]!.bytes, wavBytes());
  });

  it('works with a base URL that has no /v1', async (context) => {
    const { gateway } = await setUp(context);
    const client = clientOf(gateway, { base: '' });
    assert.equal((await client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' })).text, text);
    assert.equal((await client.models.list()).data[0]!.id, 'flux-voice');
  });

  it('gets verbose_json with either granularity and with both', async (context) => {
    const { client } = await setUp(context);
    const verbose = async (granularities: ('word' | 'segment')[]) =>
      client.audio.transcriptions.create({
        file: await wav(),
        model: 'flux-voice',
        response_format: 'verbose_json',
        timestamp_granularities: granularities,
      });
    const both = await verbose(['word', 'segment']);
    assert.equal(both.language, 'english');
    assert.equal(both.duration, 4.6);
    assert.equal(both.segments!.length, 2);
    assert.deepEqual(both.words![1], { word: 'tickets,', start: 0.31, end: 0.9 });
    assert.equal((await verbose(['word'])).segments, undefined);
    assert.equal((await verbose(['segment'])).words, undefined);
  });

  it('gets text, srt and vtt as strings', async (context) => {
    const { client } = await setUp(context);
    const as = async (format: 'text' | 'srt' | 'vtt') =>
      client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice', response_format: format });
    assert.equal(await as('text'), `${text}\n`);
    assert.equal(
      await as('srt'),
      '1\n00:00:00,000 --> 00:00:02,100\nTwo tickets, please.\n\n2\n00:00:02,100 --> 00:00:04,600\nThanks.\n\n\n',
    );
    assert.equal(
      await as('vtt'),
      'WEBVTT\n\n00:00:00.000 --> 00:00:02.100\nTwo tickets, please.\n\n00:00:02.100 --> 00:00:04.600\nThanks.\n\n',
    );
  });

  it('gets diarized_json', async (context) => {
    const { client } = await setUp(context);
    // The SDK types this format as plain json.
    const diarized = (await client.audio.transcriptions.create({
      file: await wav(),
      model: 'flux-voice',
      response_format: 'diarized_json',
      chunking_strategy: 'auto',
    })) as TranscriptionDiarized;
    assert.deepEqual(
      diarized.segments.map((one) => [one.id, one.speaker, one.text]),
      [
        ['seg_001', 'A', 'Two tickets, please.'],
        ['seg_002', 'A', 'Thanks.'],
      ],
    );
  });

  it('gets log-probabilities', async (context) => {
    const { gateway, client } = await setUp(context);
    const reply = await client.audio.transcriptions.create({
      file: await wav(),
      model: 'flux-voice',
      include: ['logprobs'],
    });
    assert.equal(reply.logprobs![0]!.token, 'Two');
    assert.equal(gateway.script.calls[0]!.ask.wantLogprobs, true);
  });

  it('streams deltas that add up to the last event, from a model that sends segments and from one that does not', async (context) => {
    const { gateway, client } = await setUp(context);
    for (const step of [inSegments(twoTickets), () => outcomeOf(twoTickets)]) {
      gateway.script.play(step);
      const stream = await client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice', stream: true });
      let deltas = '';
      let done: string | null = null;
      for await (const event of stream) {
        if (event.type === 'transcript.text.delta') deltas += event.delta;
        if (event.type === 'transcript.text.done') done = event.text;
      }
      assert.equal(deltas, text);
      assert.equal(done, text);
    }
  });

  it('streams speaker segments', async (context) => {
    const { gateway, client } = await setUp(context);
    gateway.script.play(inSegments(twoTickets));
    const stream = await client.audio.transcriptions.create({
      file: await wav(),
      model: 'flux-voice',
      response_format: 'diarized_json',
      stream: true,
    });
    const segments: string[] = [];
    for await (const event of stream) if (event.type === 'transcript.text.segment') segments.push(event.text);
    assert.deepEqual(segments, ['Two tickets, please.', 'Thanks.']);
  });

  it('raises an APIError with the code when a stream fails midway', async (context) => {
    const { gateway, client } = await setUp(context);
    gateway.script.play((_ask, _signal, onEvent) => {
      onEvent({ type: 'segment-final', segment: twoTickets.segments[0]!, words: null, tokens: null });
      throw new GatewayError('engine_crashed', 'The engine died.');
    });
    const stream = await client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice', stream: true });
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const event of stream) seen.push(event.type);
      },
      (error: unknown) => error instanceof OpenAI.APIError && error.code === 'engine_crashed',
    );
    assert.deepEqual(seen, ['transcript.text.delta']);
  });

  it('gets the right status when a stream fails before its first event', async (context) => {
    const { gateway, client } = await setUp(context);
    gateway.script.play(() => {
      throw new GatewayError('unsupported_audio', 'No audio.', { param: 'file' });
    });
    await assert.rejects(
      client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice', stream: true }),
      (error: unknown) => error instanceof OpenAI.BadRequestError && error.param === 'file',
    );
  });

  it('uploads a read stream: chunked, octet-stream, with the file first', async (context) => {
    const { gateway, client } = await setUp(context);
    const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-upload-'));
    context.after(() => rm(folder, { recursive: true }));
    const bytes = wavBytes(700_000);
    await writeFile(join(folder, 'speech.bin'), bytes);
    const reply = await client.audio.transcriptions.create({
      file: createReadStream(join(folder, 'speech.bin')),
      model: 'flux-voice-fast',
      language: 'en',
      temperature: 0.5,
      prompt: 'tickets',
    });
    assert.equal(reply.text, text);
    const { ask, bytes: received } = gateway.script.calls[0]!;
    assert.deepEqual(received, bytes);
    assert.deepEqual([ask.model, ask.language, ask.temperature, ask.prompt], ['flux-voice-fast', 'en', 0.5, 'tickets']);
  });

  it('sends a VAD object with bracket keys, and is told that its numbers change nothing', async (context) => {
    const { client } = await setUp(context);
    const { response } = await client.audio.transcriptions
      .create({
        file: await wav(),
        model: 'flux-voice',
        chunking_strategy: { type: 'server_vad', threshold: 0.5 },
      })
      .withResponse();
    assert.equal(response.headers.get('x-flux-unmet'), 'chunking_strategy');
  });

  it('translates, and gets the pipeline’s refusal where nobody can', async (context) => {
    const { gateway, client } = await setUp(context);
    assert.equal((await client.audio.translations.create({ file: await wav(), model: 'flux-voice' })).text, text);
    assert.equal(gateway.script.calls[0]!.ask.task, 'translate');
    gateway.script.play(() => {
      throw new GatewayError('unsupported_value', 'No installed model can translate to English.', { param: 'model' });
    });
    await assert.rejects(
      client.audio.translations.create({ file: await wav(), model: 'flux-voice' }),
      /No installed model can translate/,
    );
  });

  it('lists models and finds one whose id has a slash', async (context) => {
    const { client } = await setUp(context);
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, ['flux-voice', 'flux-voice-fast', 'local/moonshine-tiny', 'local/cheap', 'openai/cheap']);
    assert.equal((await client.models.retrieve('local/moonshine-tiny')).owned_by, 'local');
    await assert.rejects(client.models.retrieve('openai/nothing'), OpenAI.NotFoundError);
  });

  it('gets an empty text for silence', async (context) => {
    const { gateway, client } = await setUp(context);
    gateway.script.play(() => outcomeOf(silence));
    const reply = await client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' });
    assert.equal(reply.text, '');
  });

  it('raises its own class for every failure', async (context) => {
    const { gateway, client } = await setUp(context);
    const cases: [ErrorCode, number, unknown][] = [
      ['audio_unreadable', 400, OpenAI.BadRequestError],
      ['unsupported_language', 400, OpenAI.BadRequestError],
      ['premium_locked', 402, OpenAI.APIError],
      ['insufficient_credits', 402, OpenAI.APIError],
      ['model_not_allowed', 403, OpenAI.PermissionDeniedError],
      ['model_not_found', 404, OpenAI.NotFoundError],
      ['payload_too_large', 413, OpenAI.APIError],
      ['rate_limit_exceeded', 429, OpenAI.RateLimitError],
      ['budget_exhausted', 429, OpenAI.RateLimitError],
      ['server_error', 500, OpenAI.InternalServerError],
      ['bad_gateway', 502, OpenAI.InternalServerError],
      ['service_unavailable', 503, OpenAI.InternalServerError],
      ['timeout', 504, OpenAI.InternalServerError],
      ['storage_full', 507, OpenAI.InternalServerError],
    ];
    for (const [code, status, expected] of cases) {
      gateway.script.play(() => {
        throw new GatewayError(code, `This is ${code}.`, { param: 'model', origin: 'provider' });
      });
      const error = await failureOf(client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' }));
      assert.ok(error instanceof OpenAI.APIError, code);
      assert.equal(error.constructor, expected, code);
      assert.deepEqual([error.status, error.code, error.param], [status, code, 'model']);
      assert.match(error.message, new RegExp(`This is ${code}`));
      assert.match(error.requestID ?? '', /^req_/);
      assert.equal((error.error as { origin: string }).origin, 'provider');
    }
  });

  it('raises AuthenticationError for an unknown key and PermissionDeniedError for a model outside the key’s list', async (context) => {
    const { gateway } = await setUp(context);
    const stranger = clientOf(gateway, { apiKey: 'sk-nobody' });
    const unknown = await failureOf(stranger.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' }));
    assert.ok(unknown instanceof OpenAI.AuthenticationError);
    assert.equal(unknown.code, 'invalid_api_key');
    assert.match(unknown.headers.get('www-authenticate') ?? '', /^Bearer/);

    const bounded = clientOf(gateway, { apiKey: boundedKey });
    const refused = await failureOf(bounded.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' }));
    assert.ok(refused instanceof OpenAI.PermissionDeniedError);
    assert.equal(refused.code, 'model_not_allowed');
    assert.equal(
      (await bounded.audio.transcriptions.create({ file: await wav(), model: 'flux-voice-fast' })).text,
      text,
    );
    assert.deepEqual(
      (await bounded.models.list()).data.map((one) => one.id),
      ['flux-voice-fast'],
    );
  });

  it('retries a 503 after its Retry-After, and leaves alone what a retry cannot cure', async (context) => {
    const { gateway } = await setUp(context);
    const client = clientOf(gateway, { maxRetries: 2 });
    const failWith = (code: ErrorCode) => () => {
      throw new GatewayError(code, 'no', { retryAfterSeconds: 0.01 });
    };
    gateway.script.play(failWith('service_unavailable'), () => outcomeOf(twoTickets));
    assert.equal((await client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' })).text, text);
    assert.equal(gateway.script.calls.length, 2);

    for (const code of ['no_model_installed', 'timeout', 'budget_exhausted'] as const) {
      const before: number = gateway.script.calls.length;
      gateway.script.play(failWith(code));
      await assert.rejects(client.audio.transcriptions.create({ file: await wav(), model: 'flux-voice' }));
      assert.equal(gateway.script.calls.length, before + 1, code);
    }
  });

  it('stops the work when it hangs up, and leaves no file behind', async (context) => {
    const { gateway, client } = await setUp(context);
    gateway.script.play(untilHangUp);
    for (const stream of [false, true]) {
      const controller = new AbortController();
      const calls = gateway.script.calls.length;
      const request = client.audio.transcriptions.create(
        { file: await wav(), model: 'flux-voice', stream },
        { signal: controller.signal },
      );
      await gateway.until(() => gateway.script.calls.length > calls);
      controller.abort();
      await assert.rejects(async () => request, OpenAI.APIUserAbortError);
      await gateway.until(() => gateway.records.length === calls + 1);
      assert.equal(gateway.script.calls.at(-1)!.signal.aborted, true);
      assert.deepEqual(
        [gateway.records.at(-1)!.status, gateway.records.at(-1)!.errorCode],
        [499, 'client_closed_request'],
      );
      assert.deepEqual(await gateway.spooled(), []);
    }
  });

  it('gets a 413 for a file above the ceiling, sized or chunked', async (context) => {
    const gateway = await startTestGateway(context, {
      limits: { maxUploadBytes: 100_000, maxFormOverheadBytes: 10_000 },
    });
    const client = clientOf(gateway);
    const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-upload-'));
    context.after(() => rm(folder, { recursive: true }));
    const path = join(folder, 'large.wav');
    await writeFile(path, wavBytes(5_000_000));
    for (const file of [
      await toFile(wavBytes(5_000_000), 'large.wav'),
      createReadStream(path),
      await toFile(wavBytes(100_001), 'over.wav'),
    ]) {
      const error = await failureOf(client.audio.transcriptions.create({ file, model: 'flux-voice' }));
      assert.ok(error instanceof OpenAI.APIError, String(error));
      assert.deepEqual([error.status, error.code, error.param], [413, 'payload_too_large', 'file']);
    }
    assert.equal(
      (await client.audio.transcriptions.create({ file: await toFile(wavBytes(100_000), 'x'), model: 'm' })).text,
      text,
    );
    assert.deepEqual(await gateway.spooled(), []);
  });
});
