import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { assertSameWords, longSpeechWav, speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/**
 * An engine box is another fluxscribe: two real servers, one with the engine, one before it with the box as a provider.
 */
describe('a gateway before another fluxscribe', () => {
  let box: ServerProcess;
  let gateway: ServerProcess;
  before(async () => {
    box = await startServer();
    gateway = await startServer({
      FLUXSCRIBE_PROVIDERS: JSON.stringify([
        {
          id: 'box',
          kind: 'fluxscribe',
          baseUrl: `${box.url}/v1`,
          apiKey: serverKey,
          models: [
            { name: 'flux-voice-fast', id: 'fast', perMinuteUsd: '0.06' },
            { name: 'local/no-such-model', id: 'gone' },
          ],
        },
      ]),
    });
  });
  after(async () => {
    await gateway?.stop();
    await box?.stop();
  });
  const client = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: serverKey, maxRetries: 0 });
  const file = () => createReadStream(speech.path);
  const atTheBox = () => box.metric('fluxscribe_http_requests_total');

  it('hands on text, language and length, and charges its own price', async () => {
    const before = await atTheBox();
    const { data, response } = await client()
      .audio.transcriptions.create({ model: 'box/fast', file: file() })
      .withResponse();
    assertSameWords(data.text, speech.text);
    assert.deepEqual(
      [response.headers.get('x-flux-routed-model'), response.headers.get('x-flux-cost-usd')],
      ['box/fast', '0.006210000'],
    );
    assert.ok((await atTheBox()) > before);
  });

  it("hands on the box's own word times, segments and confidences", async () => {
    const verbose = (baseURL: string, model: string) =>
      new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: serverKey }).audio.transcriptions.create({
        model,
        file: file(),
        response_format: 'verbose_json',
        timestamp_granularities: ['word', 'segment'],
      });
    const [direct, chained] = await Promise.all([
      verbose(box.url, 'flux-voice-fast'),
      verbose(gateway.url, 'box/fast'),
    ]);
    assert.ok((chained.words?.length ?? 0) > 10);
    assert.deepEqual(chained.words, direct.words);
    const pieces = ({ segments }: typeof chained) =>
      segments?.map(({ text, start, end, no_speech_prob }) => ({ text, start, end, no_speech_prob }));
    assert.deepEqual(pieces(chained), pieces(direct));
    assert.deepEqual([chained.language, chained.duration], ['english', speech.seconds]);
  });

  for (const format of ['srt', 'vtt'] as const) {
    it(`renders ${format} as the box itself would`, async () => {
      const of = (baseURL: string, model: string) =>
        new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: serverKey }).audio.transcriptions.create({
          model,
          file: file(),
          response_format: format,
        });
      assert.equal(await of(gateway.url, 'box/fast'), await of(box.url, 'flux-voice-fast'));
    });
  }

  it('hands on log-probabilities', async () => {
    const { logprobs } = await client().audio.transcriptions.create({
      model: 'box/fast',
      file: file(),
      include: ['logprobs'],
    });
    assertSameWords(logprobs?.map((one) => one.token).join('') ?? '', speech.text);
  });

  it("hands on the box's stream", async () => {
    // The same sentence over and over, with a second of silence after each: more than the engine hears at once.
    const file = new File([longSpeechWav(45)], 'long.wav');
    const stream = await client().audio.transcriptions.create({ model: 'box/fast', file, stream: true });
    const deltas: string[] = [];
    let done = '';
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') deltas.push(event.delta);
      if (event.type === 'transcript.text.done') done = event.text;
    }
    assert.equal(deltas.join(''), done);
    assert.match(done, /quick brown fox/);
    assert.ok(deltas.length > 1, `it came at once: ${JSON.stringify(deltas)}`);
  });

  it('says what the box could not do', async () => {
    const { response } = await client()
      .audio.transcriptions.create({ model: 'box/fast', file: file(), prompt: 'Chickens.', temperature: 0.5 })
      .withResponse();
    assert.equal(response.headers.get('x-flux-unmet'), 'prompt, temperature');
  });

  it('tells a model that the box lacks from a recording that nobody can read', async () => {
    const attempt = (model: string, bytes: Uint8Array) =>
      client()
        .audio.transcriptions.create({ model, file: new File([new Uint8Array(bytes)], 'a.wav') })
        .then(
          () => assert.fail('it was answered'),
          (thrown: unknown) => thrown,
        );
    const clip = await new Response(ReadableStream.from(file())).bytes();
    const gone = await attempt('box/gone', clip);
    assert.ok(gone instanceof OpenAI.InternalServerError, String(gone));
    const unreadable = await attempt('box/fast', new Uint8Array(1000));
    assert.ok(unreadable instanceof OpenAI.BadRequestError, String(unreadable));
  });
});
