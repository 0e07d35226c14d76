import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request as it reached the vendor, its body read whole. */
export interface VendorRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Resolves when the exchange is over; `cut` when the other side left before the reply was complete. */
  readonly ended: Promise<'complete' | 'cut'>;
}

/** What the vendor does with a request. */
export type VendorBehaviour = (request: VendorRequest, response: ServerResponse) => void | Promise<void>;

/** A vendor on loopback that does what it is told and notes what it was asked. */
export interface FakeVendor {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly requests: VendorRequest[];
  /** From the next request on. */
  behave(behaviour: VendorBehaviour): void;
  /** Resolves with the request of this number, counted from 0, as soon as it has been read. */
  arrived(index: number): Promise<VendorRequest>;
  close(): Promise<void>;
}

export async function startFakeVendor(behaviour: VendorBehaviour = answerJson({ text: '' })): Promise<FakeVendor> {
  let current = behaviour;
  const requests: VendorRequest[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((incoming, response) => {
    receive(incoming, response).then(
      async (request) => {
        requests.push(request);
        for (const wake of waiting.splice(0)) wake();
        await current(request, response);
      },
      // The other side left while it was still sending: there is nothing to answer.
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    behave(next) {
      current = next;
    },
    async arrived(index) {
      while (requests.length <= index) await new Promise<void>((resolve) => waiting.push(resolve));
      return requests[index]!;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function receive(incoming: IncomingMessage, response: ServerResponse): Promise<VendorRequest> {
  const ended = new Promise<'complete' | 'cut'>((resolve) => {
    response.once('close', () => resolve(response.writableFinished ? 'complete' : 'cut'));
  });
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part);
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { method: incoming.method ?? '', path: incoming.url ?? '', headers, body: Buffer.concat(parts), ended };
}

/** The form that a request carries. */
export async function formOf(request: VendorRequest): Promise<FormData> {
  const type = request.headers['content-type'] ?? '';
  return new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData();
}

type Headers = Readonly<Record<string, string>>;

export function answerText(body: string, status = 200, headers: Headers = {}): VendorBehaviour {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(body);
  };
}

export function answerJson(value: unknown, status = 200, headers: Headers = {}): VendorBehaviour {
  return answerText(JSON.stringify(value), status, { 'content-type': 'application/json', ...headers });
}

/** Pieces of an event stream, each sent by itself, then a proper end. */
export function answerEvents(pieces: readonly (string | Uint8Array)[], pauseMs = 0): VendorBehaviour {
  return async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) {
      response.write(piece);
      await sleep(pauseMs);
    }
    response.end();
  };
}

/** Takes the request and never says anything. */
export const stall: VendorBehaviour = () => {};

/** Closes the connection before a single byte of reply. */
export const resetConnection: VendorBehaviour = (_request, response) => {
  response.socket?.resetAndDestroy();
};

/** Announces more than it sends, then closes the connection. */
export function answerTruncated(text: string): VendorBehaviour {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(text.length + 100) });
    response.write(text, () => response.destroy());
  };
}

/** Begins a JSON text and sends more and more of it, up to `sizeBytes`, until the other side closes. */
export function answerHuge(sizeBytes: number): VendorBehaviour {
  const block = Buffer.alloc(1024 * 1024, 'a');
  return async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"text":"');
    for (let sent = 0; sent < sizeBytes && !response.destroyed; sent += block.length) {
      if (!response.write(block)) {
        await new Promise<void>((resolve) => {
          const goOn = () => {
            response.off('drain', goOn).off('close', goOn);
            resolve();
          };
          response.once('drain', goOn).once('close', goOn);
        });
      }
    }
    response.end('"}');
  };
}
