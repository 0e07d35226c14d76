import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { multipartBody, multipartType, type Part } from '../helpers/multipart.ts';
import { rawClient } from '../helpers/raw-client.ts';
import { outcomeOf, untilHangUp } from '../helpers/scripted-transcribe.ts';
import { goodKey, startTestGateway, type TestGateway, wavBytes } from '../helpers/test-gateway.ts';
import { twoTickets } from '../helpers/transcripts.ts';

const path = '/v1/audio/transcriptions';

function post(gateway: TestGateway, body: Buffer, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${goodKey}`, 'content-type': multipartType, ...headers },
    body: new Uint8Array(body),
  });
}
const filePart: Part = { name: 'file', value: wavBytes(), fileName: 'a.wav' };

function head(headers: Record<string, string | number>): string {
  const lines = Object.entries({ host: 'x', authorization: `Bearer ${goodKey}`, ...headers });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

async function errorOf(response: Response) {
  const body = (await response.json()) as { error: { code: string; param: string | null; message: string } };
  return { status: response.status, code: body.error.code, param: body.error.param, message: body.error.message };
}

describe('uploads', () => {
  it('are taken under any name and type, with or without a file name, fields before or after', async (context) => {
    const gateway = await startTestGateway(context);
    const model: Part = { name: 'model', value: 'flux-voice-fast' };
    const files: Part[] = [
      { name: 'file', value: wavBytes(), fileName: 'upload', type: 'application/octet-stream' },
      { name: 'file', value: wavBytes(), fileName: 'holiday.txt', type: 'text/plain' },
      { name: 'file', value: wavBytes(), fileName: '../../etc/passwd', type: 'audio/x-wav' },
      { name: 'file', value: wavBytes(), type: 'audio/wav' },
      { name: 'file', value: wavBytes() },
    ];
    for (const file of files) {
      for (const parts of [
        [file, model],
        [model, file],
      ]) {
        const response = await post(gateway, multipartBody(parts));
        assert.equal(response.status, 200, JSON.stringify(file.fileName));
        const call = gateway.script.calls.at(-1)!;
        assert.deepEqual([call.ask.model, call.bytes.equals(wavBytes())], ['flux-voice-fast', true]);
      }
    }
    assert.deepEqual(await gateway.spooled(), []);
  });

  it('of every size arrive byte for byte', async (context) => {
    const gateway = await startTestGateway(context, {
      limits: { memoryUploadBytes: 200_000, spoolThresholdBytes: 4096 },
    });
    for (const size of [45, 4095, 4096, 4097, 65_536, 199_000, 200_001, 300_001, 3_000_003]) {
      const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 255));
      const response = await post(gateway, multipartBody([{ ...filePart, value: bytes }]));
      assert.equal(response.status, 200);
      assert.ok(gateway.script.calls.at(-1)!.bytes.equals(bytes), String(size));
    }
  });

  it('are refused with the reason when the form is not usable', async (context) => {
    const gateway = await startTestGateway(context, { limits: { maxFieldBytes: 1000, maxFields: 10 } });
    const cases: [string, Buffer, { status: number; code: string; param: string | null }][] = [
      ['no file', multipartBody([{ name: 'model', value: 'x' }]), { status: 400, code: 'missing_file', param: 'file' }],
      [
        'an empty file',
        multipartBody([{ ...filePart, value: '' }]),
        { status: 400, code: 'missing_file', param: 'file' },
      ],
      ['two files', multipartBody([filePart, filePart]), { status: 400, code: 'invalid_value', param: 'file' }],
      ['no part', multipartBody([]), { status: 400, code: 'invalid_multipart', param: null }],
      ['no multipart', Buffer.from('hello'), { status: 400, code: 'invalid_multipart', param: null }],
      ['an empty body', Buffer.alloc(0), { status: 400, code: 'invalid_multipart', param: null }],
      [
        'half a body',
        multipartBody([filePart]).subarray(0, 9000),
        { status: 400, code: 'invalid_multipart', param: null },
      ],
      [
        'a huge field',
        multipartBody([filePart, { name: 'prompt', value: 'x'.repeat(1001) }]),
        { status: 400, code: 'invalid_value', param: 'prompt' },
      ],
      [
        'many fields',
        multipartBody([...Array.from({ length: 11 }, (_, index) => ({ name: `f${index}`, value: 'x' })), filePart]),
        { status: 400, code: 'invalid_multipart', param: null },
      ],
      [
        'a bad value',
        multipartBody([filePart, { name: 'response_format', value: 'docx' }]),
        { status: 400, code: 'invalid_value', param: 'response_format' },
      ],
    ];
    for (const [name, body, expected] of cases) {
      const { message, ...error } = await errorOf(await post(gateway, body));
      assert.deepEqual(error, expected, `${name}: ${message}`);
    }
    assert.equal(gateway.script.calls.length, 0);
    assert.deepEqual(await gateway.spooled(), []);
  });

  it('are refused when they are not multipart, or have no boundary', async (context) => {
    const gateway = await startTestGateway(context);
    const statusOf = async (type: string) =>
      (await errorOf(await post(gateway, multipartBody([filePart]), { 'content-type': type }))).code;
    assert.equal(await statusOf('application/json'), 'unsupported_media_type');
    assert.equal(await statusOf('audio/wav'), 'unsupported_media_type');
    assert.equal(await statusOf('application/x-www-form-urlencoded'), 'unsupported_media_type');
    assert.equal(await statusOf('multipart/form-data'), 'invalid_multipart');
    const bare = await fetch(`${gateway.url}${path}`, { method: 'POST', headers: { authorization: goodKey } });
    assert.equal((await errorOf(bare)).code, 'unsupported_media_type');
  });

  it('name the fields that were ignored, escaped, also those of other files', async (context) => {
    const gateway = await startTestGateway(context);
    const response = await post(
      gateway,
      multipartBody([
        { name: 'user', value: 'me' },
        { name: 'bad name,é', value: 'x' },
        { name: 'cover', value: 'png', fileName: 'c.png' },
        filePart,
      ]),
    );
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-flux-ignored-fields'), 'user, bad%20name%2C%C3%A9, cover');
  });

  it('above the ceiling are refused while the client is still sending, and it reads the answer', async (context) => {
    const gateway = await startTestGateway(context, {
      limits: { maxUploadBytes: 100_000, maxFormOverheadBytes: 10_000 },
    });
    const client = await rawClient(
      gateway.port,
      head({ 'content-type': multipartType, 'transfer-encoding': 'chunked' }),
    );
    const opening = multipartBody([filePart]).subarray(0, 150);
    client.socket.write(`${opening.length.toString(16)}\r\n`);
    client.socket.write(opening);
    client.socket.write('\r\n');
    let answered = false;
    void client.sees(/payload_too_large/).then(() => {
      answered = true;
    });
    // Far more than the ceiling, and never the end of the form.
    while (!answered) {
      client.socket.write(`4000\r\n${'x'.repeat(0x4000)}\r\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(client.received(), /^HTTP\/1\.1 413 /);
    assert.match(client.received(), /x-request-id: req_/);
    assert.deepEqual(await gateway.spooled(), []);
    client.socket.destroy();
  });

  it('that announce too much are refused before a byte of them, and the connection is closed in the end', async (context) => {
    const gateway = await startTestGateway(context, { limits: { lingerMs: 50 } });
    const client = await rawClient(
      gateway.port,
      head({ 'content-type': multipartType, 'content-length': 4_000_000_000 }),
    );
    await client.sees(/payload_too_large/);
    client.socket.write('x'.repeat(100_000));
    await client.closed;
  });

  it('with a wrong key are refused before a byte of them', async (context) => {
    const gateway = await startTestGateway(context);
    const client = await rawClient(
      gateway.port,
      head({ authorization: 'Bearer no', 'content-type': multipartType, 'content-length': 1_000_000 }),
    );
    assert.match(await client.sees(/invalid_api_key/), /^HTTP\/1\.1 401 /);
    client.socket.destroy();
  });

  it('keep the connection for the next request when the rest of a refused upload arrives in time', async (context) => {
    const gateway = await startTestGateway(context);
    const body = multipartBody([filePart]);
    const client = await rawClient(
      gateway.port,
      head({ authorization: 'Bearer no', 'content-type': multipartType, 'content-length': body.length }),
    );
    await client.sees(/invalid_api_key/);
    client.socket.write(body);
    client.socket.write(`GET /livez HTTP/1.1\r\nhost: x\r\n\r\n`);
    await client.sees(/200 OK/);
    client.socket.destroy();
  });

  it('that ask leave first are told to go on, or refused without being sent', async (context) => {
    const gateway = await startTestGateway(context);
    const body = multipartBody([filePart]);
    const asking = { 'content-type': multipartType, 'content-length': body.length, expect: '100-continue' };
    const welcome = await rawClient(gateway.port, head(asking));
    await welcome.sees(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    welcome.socket.write(body);
    await welcome.sees(/HTTP\/1\.1 200 OK/);
    welcome.socket.destroy();

    const stranger = await rawClient(gateway.port, head({ ...asking, authorization: 'Bearer no' }));
    assert.match(await stranger.sees(/invalid_api_key/), /^HTTP\/1\.1 401 /);
    await stranger.closed;
    assert.doesNotMatch(stranger.received(), /100 Continue/);
  });

  it('that stall or take too long are ended with 408', async (context) => {
    for (const limits of [{ uploadIdleTimeoutMs: 30 }, { uploadTimeoutMs: 30 }]) {
      const gateway = await startTestGateway(context, { limits });
      const client = await rawClient(gateway.port, head({ 'content-type': multipartType, 'content-length': 1000 }));
      client.socket.write(multipartBody([filePart]).subarray(0, 200));
      const answer = await client.sees(/upload_timeout/);
      assert.match(answer, /^HTTP\/1\.1 408 /);
      assert.match(answer, /x-should-retry: false/);
      await gateway.until(async () => (await gateway.spooled()).length === 0);
      client.socket.destroy();
    }
  });

  it('cut off in the middle leave nothing behind and count as hung up', async (context) => {
    const gateway = await startTestGateway(context, { limits: { memoryUploadBytes: 0, spoolThresholdBytes: 1024 } });
    const client = await rawClient(gateway.port, head({ 'content-type': multipartType, 'content-length': 100_000 }));
    client.socket.write(multipartBody([filePart]).subarray(0, 20_000));
    await gateway.until(async () => (await gateway.spooled()).length === 1);
    client.socket.destroy();
    await gateway.until(() => gateway.records.length === 1);
    assert.deepEqual([gateway.records[0]!.status, gateway.records[0]!.errorCode], [499, 'client_closed_request']);
    await gateway.until(async () => (await gateway.spooled()).length === 0);
  });

  it('with broken chunks are answered 400 or cut off, and nothing is left', async (context) => {
    const gateway = await startTestGateway(context, { limits: { memoryUploadBytes: 0, spoolThresholdBytes: 1024 } });
    const client = await rawClient(
      gateway.port,
      head({ 'content-type': multipartType, 'transfer-encoding': 'chunked' }),
    );
    client.socket.write('zz\r\nnot a chunk\r\n');
    await client.closed;
    assert.match(client.received(), /^(HTTP\/1\.1 400 |$)/);
    await gateway.until(async () => (await gateway.spooled()).length === 0);
  });

  it('beyond those that fit at one time get 503 with Retry-After', async (context) => {
    const gateway = await startTestGateway(context, { limits: { maxConcurrentUploads: 1 } });
    const slow = await rawClient(gateway.port, head({ 'content-type': multipartType, 'content-length': 90_000 }));
    slow.socket.write(multipartBody([filePart]).subarray(0, 300));
    let response: Response;
    do response = await post(gateway, multipartBody([filePart]));
    while (response.status === 200);
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1']);
    assert.equal((await errorOf(response)).code, 'service_unavailable');
    slow.socket.destroy();
    await gateway.until(async () => (await post(gateway, multipartBody([filePart]))).status === 200);
  });

  it('are refused with 507 when the disk is nearly full', async (context) => {
    const gateway = await startTestGateway(context, {
      limits: { memoryUploadBytes: 0, minFreeDiskBytes: Number.MAX_SAFE_INTEGER },
    });
    const response = await post(gateway, multipartBody([filePart]));
    assert.deepEqual([response.status, (await errorOf(response)).code], [507, 'storage_full']);
  });

  it('that are small touch no disk, even when it is full', async (context) => {
    const gateway = await startTestGateway(context, { limits: { minFreeDiskBytes: Number.MAX_SAFE_INTEGER } });
    gateway.script.play(async (_ask) => {
      assert.deepEqual(await gateway.spooled(), []);
      return outcomeOf(twoTickets);
    });
    assert.equal((await post(gateway, multipartBody([filePart]))).status, 200);
    assert.equal(gateway.script.calls[0]!.ask.stored.path, null);
  });

  it('too large for memory lie in a file that only this user can read while they are worked on, and are gone after a hang-up', async (context) => {
    const gateway = await startTestGateway(context, { limits: { memoryUploadBytes: 0 } });
    gateway.script.play(untilHangUp);
    const controller = new AbortController();
    const request = fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization: goodKey, 'content-type': multipartType },
      body: new Uint8Array(multipartBody([filePart])),
      signal: controller.signal,
    });
    await gateway.until(() => gateway.script.calls.length === 1);
    const { path: stored } = gateway.script.calls[0]!.ask.stored;
    assert.ok(stored !== null);
    assert.equal((await stat(stored)).mode & 0o777, 0o600);
    controller.abort();
    await assert.rejects(request);
    await gateway.until(async () => (await gateway.spooled()).length === 0);
  });

  it('of processes that are gone are removed at the start, those of others are left alone', async (context) => {
    const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-stale-'));
    context.after(() => rm(tempDir, { recursive: true, force: true }));
    const own = await startTestGateway(context, { tempDir });
    const [ours] = await readdir(tempDir);
    const [, host] = /^fluxscribe-uploads-([0-9a-f]{8})-/.exec(ours!)!;
    const name = (machine: string, pid: number, start: number) =>
      `fluxscribe-uploads-${machine}-${pid}-${start}-0a1b2c3d`;
    const restarted = name(host!, process.pid, 12345);
    const dead = name(host!, 2 ** 22 - 1, 12345);
    const elsewhere = name('00000000', 1, 12345);
    const elsewhereOld = name('00000000', 2, 12345);
    for (const one of [restarted, dead, elsewhere, elsewhereOld, 'unrelated'])
      await mkdir(join(tempDir, one, 'x'), { recursive: true });
    await utimes(join(tempDir, elsewhereOld), new Date(0), new Date(0));
    await startTestGateway(context, { tempDir });
    const left = await readdir(tempDir);
    assert.deepEqual(
      [restarted, dead, elsewhere, elsewhereOld, 'unrelated', ours!].map((one) => left.includes(one)),
      [false, false, true, false, true, true],
    );
    assert.equal((await post(own, multipartBody([filePart]))).status, 200);
  });

  it('still work after somebody has swept the temporary directory', async (context) => {
    const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-swept-'));
    context.after(() => rm(tempDir, { recursive: true, force: true }));
    const gateway = await startTestGateway(context, { tempDir, limits: { memoryUploadBytes: 0 } });
    for (const name of await readdir(tempDir)) await rm(join(tempDir, name), { recursive: true });
    assert.equal((await post(gateway, multipartBody([filePart]))).status, 200);
  });
});
