import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the mirror answers one request for a file. */
export type MirrorFault =
  | 'none'
  | 'cut-off'
  | 'stall'
  | 'wrong-bytes'
  | 'not-found'
  | 'server-error'
  | 'no-ranges'
  | 'endless';

export interface FaultyMirror {
  readonly url: string;
  /** Every request as `METHOD PATH RANGE`. */
  readonly requests: string[];
  /** Faults of the next requests, in order; after them all is well. */
  readonly faults: MirrorFault[];
  /** Headers that answers for a path have besides. */
  readonly headers: Map<string, Readonly<Record<string, string>>>;
  /** Called with the path of every later request. */
  onRequest(listener: (path: string) => void): void;
  close(): Promise<void>;
}

/** A real HTTP server on this machine that serves files from memory and misbehaves as told. */
export async function startFaultyMirror(files: ReadonlyMap<string, Buffer>): Promise<FaultyMirror> {
  const requests: string[] = [];
  const faults: MirrorFault[] = [];
  const headers = new Map<string, Readonly<Record<string, string>>>();
  let listener: (path: string) => void = () => {};
  const server = createServer((request, response) => {
    listener(request.url ?? '');
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    const content = files.get(decodeURIComponent(request.url ?? ''));
    const fault = faults.shift() ?? 'none';
    if (!content || fault === 'not-found') response.writeHead(404).end('no such file');
    else {
      for (const [name, value] of Object.entries(headers.get(request.url ?? '') ?? {})) response.setHeader(name, value);
      answer(request, response, content, fault);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    faults,
    headers,
    onRequest(one) {
      listener = one;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, content: Buffer, fault: MirrorFault): void {
  if (fault === 'server-error') {
    response.writeHead(500).end('broken');
    return;
  }
  if (fault === 'endless') {
    response.writeHead(200);
    const pump = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 7)));
    };
    response.on('drain', pump);
    pump();
    return;
  }
  const range = fault === 'no-ranges' ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  if (start > 0 && start >= content.length) {
    response.writeHead(416).end();
    return;
  }
  const part = content.subarray(start);
  response.writeHead(range ? 206 : 200, {
    'content-length': part.length,
    ...(range && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  if (fault === 'cut-off')
    response.write(part.subarray(0, part.length >> 1), () => setImmediate(() => response.destroy()));
  else if (fault === 'stall') response.write(part.subarray(0, part.length >> 1));
  else if (fault === 'wrong-bytes') response.end(Buffer.from(part).fill(0));
  else response.end(part);
}
