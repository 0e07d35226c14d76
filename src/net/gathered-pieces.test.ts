import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { GatheredPieces } from './gathered-pieces.ts';
import { createGuardedFetch } from './guarded-fetch.ts';

describe('a body of pieces in memory', () => {
  it('leaves in one write, if it is small', async () => {
    const writes = await writesOf([10, 20, 30], 1000);
    assert.deepEqual(writes, [60]);
  });

  it('leaves in several writes where it is more than half of what may wait, and never waits for ever', async () => {
    const writes = await writesOf([300, 300, 300, 600, 10, 10], 1000);
    assert.equal(
      writes.reduce((sum, one) => sum + one, 0),
      1520,
    );
    assert.ok(writes.length > 1 && writes.length < 6);
  });

  it('lets go of the connection when it is left early', async () => {
    const connection = new Writable({ write: (_chunk, _encoding, done) => done() });
    const body = new GatheredPieces([Buffer.alloc(1), Buffer.alloc(1)]);
    body.goTo(connection);
    for (const _ of body) break;
    assert.equal(connection.writableCorked, 0);
  });

  it('arrives as it was given, whatever the sizes of its pieces', async () => {
    const server = createServer(async (request, response) => {
      const received: Buffer[] = [];
      for await (const chunk of request) received.push(chunk as Buffer);
      response.end(Buffer.concat(received).toString('base64'));
    });
    const url = await listening(server);
    const http = createGuardedFetch({ trustedOrigins: [url] });
    try {
      for (const sizes of [[1], [0, 5, 0], [70_000, 1, 65_536], [3_000_000, 2], Array(40).fill(65_000)]) {
        const pieces = sizes.map((size: number, index: number) => Buffer.alloc(size, index + 1));
        const whole = Buffer.concat(pieces);
        const reply = await http.request({
          method: 'POST',
          url,
          body: { contentType: 'audio/wav', sizeBytes: whole.length, pieces, async *open() {} },
          signal: new AbortController().signal,
        });
        assert.equal(await reply.text(), whole.toString('base64'));
      }
    } finally {
      await http.close();
      server.close();
    }
  });
});

/** Bytes of every write that reaches the connection's own end, where pieces of these sizes go as undici writes them. */
async function writesOf(sizes: readonly number[], highWaterMark: number): Promise<number[]> {
  const writes: number[] = [];
  const connection = new Writable({
    highWaterMark,
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.length);
      setImmediate(done);
    },
    writev(chunks, done) {
      writes.push(chunks.reduce((sum, { chunk }) => sum + (chunk as Buffer).length, 0));
      setImmediate(done);
    },
  });
  const body = new GatheredPieces(sizes.map((size) => Buffer.alloc(size)));
  body.goTo(connection);
  for await (const piece of body) {
    if (!connection.write(piece)) await once(connection, 'drain');
  }
  connection.end();
  await once(connection, 'finish');
  return writes;
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
