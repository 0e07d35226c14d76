/** The yardstick, a process of its own: hands every body on to the upstream with undici and checks nothing at all. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const upstream = process.argv[2] ?? '';
const pool = new Pool(upstream, { connections: 256, pipelining: 1 });

const server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, async (request, response) => {
  try {
    const { 'content-type': type = '', 'content-length': length = '' } = request.headers;
    const reply = await pool.request({
      method: 'POST',
      path: request.url ?? '/',
      headers: { 'content-type': type, 'content-length': length },
      body: request,
    });
    response.writeHead(reply.statusCode, { 'content-type': String(reply.headers['content-type']) });
    reply.body.pipe(response);
  } catch (thrown) {
    response.writeHead(502).end(String(thrown));
  }
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
