import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { multipartBody, multipartType } from '../helpers/multipart.ts';
import { rawClient } from '../helpers/raw-client.ts';
import {
  adminKey,
  boundedKey,
  frugalKey,
  goodKey,
  startTestGateway,
  type TestGateway,
  wavBytes,
} from '../helpers/test-gateway.ts';

function get(gateway: TestGateway, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { headers });
}
const withKey = { authorization: `Bearer ${goodKey}` };

async function jsonOf(response: Response) {
  return JSON.parse(await response.text());
}

describe('the HTTP surface', () => {
  it('answers models under /v1 and at the root, with the id encoded or raw', async (context) => {
    const gateway = await startTestGateway(context);
    for (const prefix of ['/v1', '']) {
      const list = await jsonOf(await get(gateway, `${prefix}/models`, withKey));
      assert.equal(list.object, 'list');
      assert.deepEqual(list.data[0], {
        id: 'flux-voice',
        object: 'model',
        created: 1_760_000_000,
        owned_by: 'fluxscribe',
        shutdown_date: null,
        name: 'flux-voice',
        description: '',
        alias_of: ['local/moonshine-tiny'],
        fallbacks: [],
        capabilities: ['transcribe', 'word-times'],
        languages: ['en'],
        response_formats: ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'],
        audio_formats: ['ogg', 'wav'],
        pricing: { per_minute_usd: '0.10', minimum_seconds: 10, per_million_tokens: null },
        limits: {
          max_upload_bytes: 33_554_432,
          max_audio_seconds: null,
          per_call: { max_upload_bytes: null, max_audio_seconds: null },
        },
        health: 'ready',
      });
      for (const id of ['local%2Fmoonshine-tiny', 'local/moonshine-tiny', 'moonshine-tiny']) {
        assert.equal((await jsonOf(await get(gateway, `${prefix}/models/${id}`, withKey))).id, 'local/moonshine-tiny');
      }
      const missing = await get(gateway, `${prefix}/models/openai%2Fnone`, withKey);
      assert.deepEqual([missing.status, (await jsonOf(missing)).error.code], [404, 'model_not_found']);
    }
  });

  it('lists only what can be used, and tells the state of what is not installed', async (context) => {
    const gateway = await startTestGateway(context);
    const ids = (await jsonOf(await get(gateway, '/v1/models', withKey))).data.map((one: { id: string }) => one.id);
    assert.ok(!ids.includes('local/whisper-base'));
    assert.equal((await jsonOf(await get(gateway, '/v1/models/whisper-base', withKey))).health, 'not-installed');
  });

  it('shows a key only the models that it may use; the others do not exist for it', async (context) => {
    const gateway = await startTestGateway(context);
    const idsFor = async (key: string) =>
      (await jsonOf(await get(gateway, '/v1/models', { authorization: `Bearer ${key}` }))).data.map(
        (one: { id: string }) => one.id,
      );
    assert.deepEqual(await idsFor(boundedKey), ['flux-voice-fast']);
    assert.deepEqual(await idsFor(frugalKey), ['local/cheap']);
    for (const [key, id, status] of [
      [boundedKey, 'flux-voice-fast', 200],
      [boundedKey, 'flux-voice', 404],
      [frugalKey, 'local/cheap', 200],
      [frugalKey, 'openai/cheap', 404],
      [frugalKey, 'flux-voice', 404],
    ] as const) {
      const reply = await get(gateway, `/v1/models/${id}`, { authorization: `Bearer ${key}` });
      assert.equal(reply.status, status, `${key} ${id}`);
    }
  });

  it('takes the key in every form and wants one everywhere but at the open addresses', async (context) => {
    const gateway = await startTestGateway(context);
    const forms: Record<string, string>[] = [
      { authorization: `Bearer ${goodKey}` },
      { authorization: goodKey },
      { authorization: `Token ${goodKey}` },
      { 'x-api-key': goodKey },
    ];
    for (const headers of forms) assert.equal((await get(gateway, '/v1/models', headers)).status, 200);
    for (const path of ['/v1/models', '/models', '/v1/models/x', '/metrics', `/v1/models?api_key=${goodKey}`]) {
      assert.equal((await get(gateway, path)).status, 401, path);
    }
    for (const path of ['/health', '/livez', '/readyz', '/openapi.json', '/docs/', '/llms.txt']) {
      assert.equal((await get(gateway, path)).status, 200, path);
    }
  });

  it('tells its health: alive always, ready only when a request would be served', async (context) => {
    let ready = false;
    const gateway = await startTestGateway(context, {
      health: () => ({ ready, checks: { engine: ready ? 'ok' : 'starting' } }),
    });
    const states = async () =>
      Promise.all(['/health', '/livez', '/readyz'].map(async (path) => (await get(gateway, path)).status));
    assert.deepEqual(await states(), [200, 200, 503]);
    assert.deepEqual(await jsonOf(await get(gateway, '/health')), {
      status: 'starting',
      version: '1.2.3',
      model: 'flux-voice',
    });
    ready = true;
    assert.deepEqual(await states(), [200, 200, 200]);
    assert.deepEqual(await jsonOf(await get(gateway, '/readyz')), { ready: true, checks: { engine: 'ok' } });
    assert.equal((await jsonOf(await get(gateway, '/health'))).status, 'ok');
  });

  it('answers what does not exist, wrong methods and malformed addresses as errors of the table', async (context) => {
    const gateway = await startTestGateway(context);
    const cases: [string, string, number, string][] = [
      ['GET', '/nothing', 404, 'not_found'],
      ['POST', '/v1/chat/completions', 404, 'not_found'],
      ['GET', '/v1/audio/transcriptions', 405, 'method_not_allowed'],
      ['DELETE', '/v1/models', 405, 'method_not_allowed'],
      ['PUT', '/health', 405, 'method_not_allowed'],
      ['GET', '/v1/models/%E0%A4%A', 400, 'bad_request'],
    ];
    for (const [method, path, status, code] of cases) {
      const response = await fetch(`${gateway.url}${path}`, { method, headers: withKey });
      const { error } = await jsonOf(response);
      assert.deepEqual([response.status, error.code, error.origin], [status, code, 'router'], `${method} ${path}`);
      assert.match(response.headers.get('x-request-id') ?? '', /^req_/);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.deepEqual(Object.keys(error), ['message', 'type', 'code', 'param', 'origin']);
    }
    const wrong = await get(gateway, '/v1/audio/transcriptions', withKey);
    assert.equal(wrong.headers.get('allow'), 'POST');
  });

  it('answers what is no HTTP, and headers that are too large', async (context) => {
    const gateway = await startTestGateway(context);
    const garbage = await rawClient(gateway.port, 'hello\r\n\r\n');
    assert.match(await garbage.sees(/bad_request/), /^HTTP\/1\.1 400 .*x-request-id: req_/s);
    await garbage.closed;
    const huge = await rawClient(gateway.port, `GET / HTTP/1.1\r\nhost: x\r\nx-a: ${'a'.repeat(70_000)}\r\n\r\n`);
    assert.match(await huge.sees(/too large/), /^HTTP\/1\.1 431 /);
    await huge.closed;
  });

  it('answers a failure nobody foresaw with server_error and logs its stack, not the caller', async (context) => {
    const gateway = await startTestGateway(context);
    gateway.script.play(() => {
      throw new TypeError('something inside broke');
    });
    const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { ...withKey, 'content-type': multipartType },
      body: new Uint8Array(
        multipartBody([
          { name: 'prompt', value: 'a private prompt' },
          { name: 'file', value: wavBytes(), fileName: 'private-name.wav' },
        ]),
      ),
    });
    const body = await response.text();
    assert.equal(response.status, 500);
    assert.doesNotMatch(body, /something inside broke/);
    const log = gateway.logLines.join('\n');
    assert.match(log, /TypeError: something inside broke/);
    assert.doesNotMatch(log, /private prompt|private-name|sk-test|Two tickets/);
  });

  it('writes one line for each request, with nothing private in it', async (context) => {
    const gateway = await startTestGateway(context);
    const body = multipartBody([{ name: 'file', value: wavBytes(), fileName: 'private-name.wav' }]);
    const response = await fetch(`${gateway.url}/v1/audio/transcriptions?api_key=${goodKey}`, {
      method: 'POST',
      headers: { ...withKey, 'content-type': multipartType },
      body: new Uint8Array(body),
    });
    await response.arrayBuffer();
    await gateway.until(() => gateway.records.length === 1);
    const { latencyMs, workMs, requestId, ...record } = gateway.records[0]!;
    assert.deepEqual(record, {
      method: 'POST',
      route: '/v1/audio/transcriptions',
      status: 200,
      errorCode: null,
      receivedBytes: body.length,
      routedModel: 'local/moonshine-tiny',
      audioMs: 4600,
      keyId: 'key_good',
    });
    assert.equal(requestId, response.headers.get('x-request-id'));
    assert.ok(latencyMs >= 0 && workMs !== null);
    assert.equal(gateway.logLines.length, 1);
    assert.doesNotMatch(gateway.logLines[0]!, /sk-test|private-name|Two tickets/);
  });

  it("hands the caller's traceparent on, and none where there is none", async (context) => {
    const gateway = await startTestGateway(context);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const headers of [{ traceparent }, {}]) {
      const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, {
        method: 'POST',
        headers: { ...withKey, 'content-type': multipartType, ...headers },
        body: new Uint8Array(multipartBody([{ name: 'file', value: wavBytes(), fileName: 'a.wav' }])),
      });
      assert.equal(response.status, 200);
    }
    assert.deepEqual(
      gateway.script.calls.map(({ ask }) => ask.traceparent),
      [traceparent, undefined],
    );
  });

  it('shows metrics to a key with the scope admin, or to everybody where that is set', async (context) => {
    const metrics = createMetrics({ processMetrics: false });
    const gateway = await startTestGateway(context, { metrics });
    assert.equal((await get(gateway, '/metrics', withKey)).status, 403);
    await get(gateway, '/livez');
    const response = await get(gateway, '/metrics', { authorization: `Bearer ${adminKey}` });
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(await response.text(), /fluxscribe_http_requests_total\{route="\/livez",method="GET",status="200"/);
    const open = await startTestGateway(context, { metrics, metricsPublic: true });
    assert.equal((await get(open, '/metrics')).status, 200);
  });

  it('lets pages of any origin call it and read its headers', async (context) => {
    const gateway = await startTestGateway(context);
    const preflight = await fetch(`${gateway.url}/v1/audio/transcriptions`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-stainless-lang',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/);
    const response = await get(gateway, '/v1/models', { origin: 'https://app.example' });
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.match(response.headers.get('access-control-expose-headers') ?? '', /x-request-id.*x-flux-cost-usd/);
    const refused = await get(gateway, '/v1/models', { origin: 'https://app.example', authorization: 'no' });
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, '*']);
  });

  it('describes itself: every route, the form and its errors in the OpenAPI document', async (context) => {
    const gateway = await startTestGateway(context);
    const document = await jsonOf(await get(gateway, '/openapi.json'));
    assert.match(document.openapi, /^3\.1/);
    assert.deepEqual(Object.keys(document.paths).sort(), [
      '/api/models',
      '/api/models/{id}',
      '/api/models/{id}/pull',
      '/api/routes/explain',
      '/health',
      '/livez',
      '/metrics',
      '/readyz',
      '/v1/audio/transcriptions',
      '/v1/audio/translations',
      '/v1/models',
      '/v1/models/{model}',
    ]);
    const { post } = document.paths['/v1/audio/transcriptions'];
    const reference = post.requestBody.content['multipart/form-data'].schema.$ref;
    const form = document.components.schemas[reference.split('/').at(-1)];
    assert.deepEqual(form.required, ['file']);
    assert.equal(form.properties.file.format, 'binary');
    assert.deepEqual(form.properties.response_format.enum.length, 6);
    assert.equal(form.properties.temperature.maximum, 1);
    assert.ok(form.properties['timestamp_granularities[]']);
    assert.ok(post.responses['4xx'] ?? post.responses['4XX']);
    // Every reference leads somewhere.
    for (const [, name] of JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)) {
      assert.ok(document.components.schemas[name!], name);
    }
  });

  it('serves its reference page with all that it needs from its own address', async (context) => {
    const gateway = await startTestGateway(context);
    const page = await get(gateway, '/docs');
    const html = await page.text();
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!);
    assert.ok(sources.length > 0);
    for (const source of sources) {
      const url = new URL(source, page.url);
      assert.equal(url.origin, gateway.url, source);
      assert.equal((await fetch(url)).status, 200, source);
    }
    assert.doesNotMatch(html, /https?:\/\/(?!127\.0\.0\.1)/);
  });

  it('introduces itself to language models', async (context) => {
    const gateway = await startTestGateway(context);
    const response = await get(gateway, '/llms.txt');
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(await response.text(), /^# fluxscribe 1\.2\.3\n/);
  });
});
