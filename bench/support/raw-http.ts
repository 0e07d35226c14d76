import { connect } from 'node:net';

/** A request of which every byte is the caller's: its head may lie and its body need not fit. */
export interface RawRequest {
  /** The request line and the headers. */
  readonly head: readonly string[];
  readonly body: Buffer;
}

export interface RawAnswer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RawOptions {
  readonly port: number;
  readonly timeoutMs: number;
  /** Closes the connection when all is sent, without waiting for an answer. */
  readonly breakOff?: boolean;
}

/**
 * Sends a request on a connection of its own and reads until the other side closes it. Resolves with the first answer,
 * null when there was none, and rejects when the connection stays open for longer than the timeout.
 */
export function sendRaw(request: RawRequest, options: RawOptions): Promise<RawAnswer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port: options.port, host: '127.0.0.1' });
    const timer = setTimeout(() => {
      reject(new Error(`no end of the answer within ${options.timeoutMs} ms`));
      socket.destroy();
    }, options.timeoutMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    // A refused upload may be reset after its answer; what came before counts.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      try {
        resolve(parseAnswer(Buffer.concat(chunks)));
      } catch (thrown) {
        reject(thrown);
      }
    });
    socket.write(`${request.head.join('\r\n')}\r\n\r\n`);
    if (options.breakOff) socket.write(request.body, () => socket.destroy());
    else socket.write(request.body);
  });
}

function parseAnswer(received: Buffer): RawAnswer | null {
  if (received.length === 0) return null;
  const end = received.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? Number.NaN);
  if (end < 0 || Number.isNaN(status)) throw new Error(`this is no HTTP: ${received.toString('latin1').slice(0, 100)}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = received.subarray(end + 4);
  const length = headers.get('content-length');
  const body =
    length === undefined
      ? headers.has('transfer-encoding')
        ? dechunked(rest)
        : rest
      : rest.subarray(0, Number(length));
  return { status, headers, body: body.toString('utf8') };
}

function dechunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? 0 : Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(size > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
