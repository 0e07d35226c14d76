import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type FakeSocketVendor, startFakeSocketVendor } from '../../test/helpers/fake-socket-vendor.ts';
import { GatewayError } from '../core/errors.ts';
import { createOutboundSockets, type OutboundSocket, type SocketRequest } from './outbound-socket.ts';

describe('createOutboundSockets', () => {
  let vendor: FakeSocketVendor;
  const sockets = createOutboundSockets();
  before(async () => {
    vendor = await startFakeSocketVendor();
  });
  after(async () => {
    await sockets.close();
    await vendor.close();
  });

  const open = (more: Partial<SocketRequest> = {}) =>
    sockets.open({
      url: new URL(`${vendor.url.replace('http', 'ws')}/speak?rate=1`),
      headers: { authorization: 'Token one' },
      signal: new AbortController().signal,
      onText() {},
      ...more,
    });
  const opened = async (more: Partial<SocketRequest> = {}): Promise<OutboundSocket> => {
    const socket = await open(more);
    assert.ok(socket.kind === 'open');
    return socket;
  };

  it('carries text and bytes both ways in order, with the headers of the handshake', async () => {
    const heard: string[] = [];
    vendor.behave({
      onText: (text, socket) => {
        socket.sendText(`${text} heard`);
        socket.sendText('x'.repeat(64_000));
        socket.close(1000);
      },
    });
    const socket = await opened({ onText: (text) => heard.push(text) });
    await socket.send(new Uint8Array([1, 2, 3]));
    await socket.send('one');
    assert.deepEqual(await socket.ended, { code: 1000 });
    assert.deepEqual(
      heard.map((text) => text.length),
      [9, 64_000],
    );
    const other = vendor.sockets.at(-1)!;
    assert.equal(other.path, '/speak?rate=1');
    assert.equal(other.headers.authorization, 'Token one');
    assert.deepEqual(other.frames, [Buffer.from([1, 2, 3]), 'one']);
  });

  it('tells how the other side ended: with a code, without one, or not at all', async () => {
    for (const [code, expected] of [
      [1011, 1011],
      [null, 1005],
    ] as const) {
      vendor.behave({ onOpen: (socket) => socket.close(code) });
      assert.deepEqual(await (await opened()).ended, { code: expected });
    }
    vendor.behave({ onOpen: (socket) => socket.break() });
    const broken = await opened();
    assert.deepEqual(await broken.ended, { code: 1006 });
    await assert.rejects(broken.send('late'), { code: 'bad_gateway' });
  });

  it('holds its sender back while the other side does not read', async () => {
    vendor.behave({ onOpen: (socket) => socket.pause() });
    const socket = await opened();
    const other = vendor.sockets.at(-1)!;
    const frame = new Uint8Array(64 * 1024);
    const total = 320;
    let sent = 0;
    const sending = (async () => {
      for (; sent < total; sent++) await socket.send(frame);
    })();
    // Until what the kernels hold is full, and nothing moves any more.
    for (let before = -1; before !== sent; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(sent < total, 'nothing held it back');
    other.resume();
    await sending;
    while (other.binaryBytes < total * frame.length) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    await other.gone;
  });

  it('lets a sender go that is held back when the connection is cut', async () => {
    vendor.behave({ onOpen: (socket) => socket.pause() });
    const caller = new AbortController();
    const socket = await opened({ signal: caller.signal });
    const frame = new Uint8Array(1024 * 1024);
    const sending = (async () => {
      for (;;) await socket.send(frame);
    })();
    setTimeout(() => caller.abort(), 50);
    await assert.rejects(sending, { code: 'client_closed_request' });
    assert.deepEqual(await socket.ended, { code: 1006 });
  });

  it('shows how a handshake was refused, and asks once', async () => {
    for (const status of [401, 403, 429, 503]) {
      vendor.behave({ refuse: { status, headers: { 'retry-after': '3' } } });
      const before = vendor.handshakes;
      const refused = await open();
      assert.ok(refused.kind === 'refused');
      assert.equal(refused.status, status);
      assert.equal(refused.header('retry-after'), '3');
      assert.equal(refused.header('dg-error'), null);
      assert.equal(vendor.handshakes - before, 1);
    }
  });

  it('follows no redirect', async () => {
    vendor.behave({ refuse: { status: 307, headers: { location: '/elsewhere' } } });
    const before = vendor.handshakes;
    const refused = await open();
    assert.ok(refused.kind === 'refused' && refused.status === 307);
    assert.equal(vendor.handshakes - before, 1);
  });

  it('fails when nobody listens, or somebody who speaks something else', async () => {
    const connections: Socket[] = [];
    const server = createServer((socket) => connections.push(socket.on('error', () => socket.destroy())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    const url = new URL(`ws://127.0.0.1:${address.port}/`);
    server.on('connection', (socket) => socket.end('SSH-2.0-x\r\n'));
    await assert.rejects(open({ url }), { code: 'bad_gateway', origin: 'provider' });
    for (const socket of connections) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(open({ url }), { code: 'bad_gateway', message: 'The provider cannot be reached.' });
  });

  it('ends a handshake that is not answered when the caller leaves', async () => {
    const left = Promise.withResolvers<void>();
    const caller = new AbortController();
    const server = createServer((socket) => {
      socket.on('error', () => {}).on('close', () => left.resolve());
      socket.once('data', () => caller.abort());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    await assert.rejects(open({ url: new URL(`ws://127.0.0.1:${address.port}/`), signal: caller.signal }), {
      code: 'client_closed_request',
    });
    await left.promise;
    await new Promise((resolve) => server.close(resolve));
  });

  it('asks nobody for a caller who has left, and says why', async () => {
    const before = vendor.handshakes;
    const stopping = new GatewayError('service_unavailable', 'The server is stopping.');
    await assert.rejects(open({ signal: AbortSignal.abort(stopping) }), stopping);
    assert.equal(vendor.handshakes, before);
  });
});
