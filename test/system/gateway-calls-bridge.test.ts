import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { bridgeText, gladiaVendor, isGladiaUpload } from '../helpers/bridge-vendors.ts';
import { type FakeVendor, startFakeVendor } from '../helpers/fake-vendor.ts';
import { speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

describe('a server with packages of the AI SDK', () => {
  let gladia: FakeVendor;
  let server: ServerProcess;
  before(async () => {
    gladia = await startFakeVendor(gladiaVendor);
    server = await startServer({
      FLUXSCRIBE_PROVIDERS: JSON.stringify([
        {
          id: 'gladia',
          kind: 'ai-sdk',
          package: '@ai-sdk/gladia',
          apiKey: 'g-0123456789',
          baseUrl: gladia.url,
          models: [{ name: 'default', perMinuteUsd: '0.06' }],
        },
        { id: 'absent', kind: 'ai-sdk', package: '@ai-sdk/absent', models: [{ name: 'default' }] },
      ]),
    });
  });
  after(async () => {
    await server?.stop();
    await gladia?.close();
  });
  const client = () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: serverKey, maxRetries: 0 });
  const file = () => createReadStream(speech.path);

  it('answers by an installed one, in whatever format, under its own price', async () => {
    const { data, response } = await client()
      .audio.transcriptions.create({
        model: 'gladia/default',
        file: file(),
        response_format: 'verbose_json',
        timestamp_granularities: ['word', 'segment'],
      })
      .withResponse();
    assert.equal(data.text, bridgeText);
    assert.equal(data.words?.length, 5);
    assert.equal(data.segments?.length, 2);
    assert.equal(response.headers.get('x-flux-routed-model'), 'gladia/default');
    assert.equal(response.headers.get('x-flux-cost-usd'), '0.006210000');
    const upload = gladia.requests.find(isGladiaUpload);
    assert.equal(upload?.headers['x-gladia-key'], 'g-0123456789');
    assert.match(
      upload.body.toString('latin1'),
      /name="audio"; filename="audio\.(ogg|oga)"\r\nContent-Type: audio\/ogg/,
    );
  });

  it('starts without one that is absent, names the command in its log and to callers, and shows it as unavailable', async () => {
    const command = 'npm install @ai-sdk/absent';
    assert.ok(server.output().includes(command));
    const model: { x_flux?: unknown } = JSON.parse(JSON.stringify(await client().models.retrieve('absent/default')));
    assert.match(JSON.stringify(model), /unavailable/);
    await assert.rejects(
      client().audio.transcriptions.create({ model: 'absent/default', file: file() }),
      (thrown) => thrown instanceof OpenAI.InternalServerError && thrown.message.includes(command),
    );
  });
});
