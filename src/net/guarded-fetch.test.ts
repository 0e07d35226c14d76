import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answerEvents,
  answerHuge,
  answerJson,
  answerText,
  type FakeVendor,
  resetConnection,
  stall,
  startFakeVendor,
} from '../../test/helpers/fake-vendor.ts';
import { GatewayError } from '../core/errors.ts';
import { createGuardedFetch, type GuardedFetch, type OutboundRequest } from './guarded-fetch.ts';

const isCode = (code: string) => (error: unknown) => error instanceof GatewayError && error.code === code;

describe('createGuardedFetch', () => {
  let vendor: FakeVendor;
  let http: GuardedFetch;
  before(async () => {
    vendor = await startFakeVendor();
    http = createGuardedFetch({ trustedOrigins: [vendor.url] });
  });
  after(() => Promise.all([http.close(), vendor.close()]));
  beforeEach(() => {
    vendor.requests.length = 0;
  });
  const request = (more: Partial<OutboundRequest> = {}) =>
    http.request({ method: 'POST', url: `${vendor.url}/x?y=1`, signal: new AbortController().signal, ...more });

  it('sends a body that is made on the way with its exact length, and reads the reply', async () => {
    vendor.behave(answerJson({ ok: true }, 201, { 'x-thing': 'a' }));
    const reply = await request({
      headers: { authorization: 'Bearer k' },
      body: {
        contentType: 'text/plain',
        sizeBytes: 6,
        async *open() {
          yield Buffer.from('abc');
          yield Buffer.from('def');
        },
      },
    });
    assert.deepEqual([reply.status, reply.header('x-thing'), reply.header('gone')], [201, 'a', null]);
    assert.equal(await reply.text(), '{"ok":true}');
    const [seen] = vendor.requests;
    assert.deepEqual([seen?.path, seen?.body.toString(), seen?.headers['content-length']], ['/x?y=1', 'abcdef', '6']);
    assert.equal(seen?.headers['transfer-encoding'], undefined);
  });

  it('sends bytes that lie in memory in order, with their length, as often as asked', async () => {
    vendor.behave(answerJson({ ok: true }));
    const pieces = [Buffer.from('a'), Buffer.alloc(300_000, 'b'), Buffer.alloc(0), Buffer.from('c')];
    const body = {
      contentType: 'text/plain',
      sizeBytes: 300_002,
      pieces,
      open: () => assert.fail('there is nothing to be made'),
    };
    for (let count = 0; count < 2; count++) await (await request({ body })).text();
    assert.equal(vendor.requests.length, 2);
    for (const seen of vendor.requests) {
      assert.ok(seen.body.equals(Buffer.concat(pieces)));
      assert.deepEqual([seen.headers['content-length'], seen.headers['content-type']], ['300002', 'text/plain']);
      assert.equal(seen.headers['transfer-encoding'], undefined);
    }
  });

  it('blames nobody else for a body that cannot be made, and lets go of its source', async () => {
    let released = false;
    const body = {
      contentType: 'text/plain',
      sizeBytes: 6,
      async *open() {
        try {
          yield Buffer.from('abc');
          throw new Error('the disk is gone');
        } finally {
          released = true;
        }
      },
    };
    await assert.rejects(request({ body }), isCode('server_error'));
    assert.equal(released, true);
  });

  it('follows no redirect', async () => {
    vendor.behave(answerText('', 307, { location: `${vendor.url}/elsewhere` }));
    const reply = await request();
    assert.equal(reply.status, 307);
    reply.discard();
    assert.equal(vendor.requests.length, 1);
  });

  it('asks no private address that the operator did not name', async () => {
    const stranger = createGuardedFetch({ trustedOrigins: ['https://api.example.com'] });
    const { port } = new URL(vendor.url);
    const signal = new AbortController().signal;
    const urls = [
      vendor.url,
      `http://localhost:${port}/`,
      `http://[::1]:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://0x7f000001:${port}/`,
      'http://169.254.169.254/latest/meta-data',
      'http://10.0.0.1/',
      'file:///etc/passwd',
      'ftp://example.com/',
      'nonsense',
    ];
    for (const url of urls) {
      await assert.rejects(stranger.request({ method: 'GET', url, signal }), isCode('invalid_value'), url);
    }
    await stranger.close();
    assert.equal(vendor.requests.length, 0);
  });

  it('trusts an origin, not everything on its host', async () => {
    const { port } = new URL(vendor.url);
    const other = vendor.url.replace(port, String(Number(port) === 65_535 ? 1024 : Number(port) + 1));
    await assert.rejects(request({ url: other }), isCode('invalid_value'));
  });

  it('closes the socket when the signal is aborted, before the reply and within it', async () => {
    vendor.behave(stall);
    const early = new AbortController();
    const waiting = assert.rejects(request({ signal: early.signal }), isCode('client_closed_request'));
    const first = await vendor.arrived(0);
    early.abort();
    await waiting;
    assert.equal(await first.ended, 'cut');

    vendor.behave((_request, response) => {
      response.write('begun');
    });
    const late = new AbortController();
    const reply = await request({ signal: late.signal });
    const reading = assert.rejects(reply.text(), isCode('client_closed_request'));
    late.abort();
    await reading;
    assert.equal(await vendor.requests[1]?.ended, 'cut');
  });

  it('tells a deadline from a caller who left', async () => {
    vendor.behave(stall);
    await assert.rejects(request({ signal: AbortSignal.timeout(50) }), isCode('timeout'));
  });

  it('gives up on silence before the reply and within it', async () => {
    vendor.behave(stall);
    await assert.rejects(request({ headersTimeoutMs: 50 }), isCode('timeout'));
    vendor.behave((_request, response) => {
      response.write('begun');
    });
    await assert.rejects((await request({ bodyTimeoutMs: 50 })).text(), isCode('timeout'));
  });

  it('counts the wait for a reply from the last byte of the body, however long that took to send', async () => {
    vendor.behave(answerText('heard'));
    // Several times the limit: undici looks at its timers twice a second.
    const body = {
      contentType: 'audio/wav',
      sizeBytes: 10,
      async *open() {
        for (let sent = 0; sent < 10; sent++) {
          yield Buffer.from('a');
          await sleep(250);
        }
      },
    };
    assert.equal(await (await request({ body, headersTimeoutMs: 800 })).text(), 'heard');
  });

  it('reads no more than the ceiling, and closes the connection', async () => {
    vendor.behave(answerHuge(64 * 1024 * 1024));
    await assert.rejects((await request({ maxReplyBytes: 100_000 })).text(), isCode('bad_gateway'));
    assert.equal(await vendor.requests[0]?.ended, 'cut');
  });

  it('closes the connection when a stream is left early', async () => {
    vendor.behave(
      answerEvents(
        Array.from({ length: 1000 }, () => 'data: x\n\n'),
        1,
      ),
    );
    for await (const chunk of (await request()).chunks()) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.equal(await vendor.requests[0]?.ended, 'cut');
  });

  it('calls a broken connection and an absent server a bad gateway', async () => {
    vendor.behave(resetConnection);
    await assert.rejects(request(), isCode('bad_gateway'));
    const gone = await startFakeVendor();
    await gone.close();
    const toGone = createGuardedFetch({ trustedOrigins: [gone.url] });
    const { signal } = new AbortController();
    await assert.rejects(
      toGone.request({ method: 'GET', url: gone.url, signal }),
      (error) => isCode('bad_gateway')(error) && /cannot be reached/.test(String(error)),
    );
    await toGone.close();
  });
});
