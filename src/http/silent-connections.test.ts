import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { it } from 'node:test';
import { watchSilentConnections } from './silent-connections.ts';

it('ends connections on which nothing was sent, and leaves requests in progress alone', async () => {
  const arrived = Promise.withResolvers<() => void>();
  const server = createServer((_, response) => arrived.resolve(() => response.end('done')));
  const endSilent = watchSilentConnections(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const silent = connect(port, '127.0.0.1').resume();
  const isSilentOver = once(silent, 'close');
  await once(server, 'connection');
  const asked = request({ port, host: '127.0.0.1', agent: false }).end();
  const replied = once(asked, 'response');
  const answer = await arrived.promise;

  const closed = once(server, 'close');
  server.close();
  endSilent();
  await isSilentOver;
  answer();
  const [response] = await replied;
  assert.equal(response.statusCode, 200);
  response.resume();
  await closed;
});
