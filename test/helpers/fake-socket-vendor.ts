import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** One WebSocket as its vendor sees it: RFC 6455 by hand, so that the client is not tested against itself. */
export interface VendorSocket {
  /** Path and query of the handshake. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Every frame so far, in order: text as a string, binary as bytes. */
  readonly frames: readonly (string | Buffer)[];
  /** Bytes of all binary frames so far. */
  readonly binaryBytes: number;
  sendText(text: string): void;
  /** A close frame, with a code or (null) without, then the end of the connection. */
  close(code: number | null): void;
  /** Breaks the connection without a close frame. */
  break(): void;
  /** Stops reading, so that the other side's frames pile up. */
  pause(): void;
  resume(): void;
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>;
}

export interface SocketBehaviour {
  /** Instead of an upgrade; null: upgrade. */
  readonly refuse?: { readonly status: number; readonly headers?: Readonly<Record<string, string>> };
  readonly onOpen?: (socket: VendorSocket) => void;
  readonly onText?: (text: string, socket: VendorSocket) => void;
  readonly onBinary?: (bytes: Buffer, socket: VendorSocket) => void;
}

export interface FakeSocketVendor {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** All that were opened, in order. */
  readonly sockets: readonly VendorSocket[];
  /** Handshakes, refused ones included. */
  readonly handshakes: number;
  /** From the next handshake on. */
  behave(behaviour: SocketBehaviour): void;
  close(): Promise<void>;
}

const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export async function startFakeSocketVendor(): Promise<FakeSocketVendor> {
  let behaviour: SocketBehaviour = {};
  const sockets: VendorSocket[] = [];
  const connections = new Set<Duplex>();
  let handshakes = 0;
  const server = createServer((_request, response) => void response.writeHead(426).end());
  server.on('upgrade', (request, connection) => {
    handshakes++;
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    const { refuse } = behaviour;
    if (refuse) {
      const headers = Object.entries({ 'content-length': '0', connection: 'close', ...refuse.headers });
      const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      connection.end(`HTTP/1.1 ${refuse.status} Refused\r\n${lines}\r\n`);
      return;
    }
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${acceptSuffix}`).digest('base64');
    connection.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    sockets.push(serve(request.url ?? '', request.headers, connection, behaviour));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    sockets,
    get handshakes() {
      return handshakes;
    },
    behave(next) {
      behaviour = next;
    },
    async close() {
      for (const connection of connections) connection.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(
  path: string,
  headers: IncomingHttpHeaders,
  connection: Duplex,
  behaviour: SocketBehaviour,
): VendorSocket {
  const frames: (string | Buffer)[] = [];
  let binaryBytes = 0;
  let pending: Buffer = Buffer.alloc(0);
  const socket: VendorSocket = {
    path,
    headers,
    frames,
    get binaryBytes() {
      return binaryBytes;
    },
    sendText: (text) => void connection.write(frameOf(1, Buffer.from(text))),
    close(code) {
      const payload = Buffer.alloc(code === null ? 0 : 2);
      if (code !== null) payload.writeUInt16BE(code);
      connection.end(frameOf(8, payload));
    },
    break: () => void connection.destroy(),
    pause: () => void connection.pause(),
    resume: () => void connection.resume(),
    gone: new Promise((resolve) => connection.once('close', () => resolve())),
  };
  connection.on('error', () => connection.destroy());
  // Servers of Node keep their half open when the other side leaves.
  connection.on('end', () => connection.end());
  connection.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = takeFrame(pending); frame; frame = takeFrame(pending)) {
      pending = frame.rest;
      if (frame.opcode === 1) {
        frames.push(frame.payload.toString());
        behaviour.onText?.(frame.payload.toString(), socket);
      } else if (frame.opcode === 2) {
        frames.push(frame.payload);
        binaryBytes += frame.payload.length;
        behaviour.onBinary?.(frame.payload, socket);
      }
    }
  });
  behaviour.onOpen?.(socket);
  return socket;
}

/** An unmasked frame, as servers send them. */
function frameOf(opcode: number, payload: Buffer): Buffer {
  const header = payload.length < 126 ? Buffer.alloc(2) : Buffer.alloc(4);
  header[0] = 0x80 | opcode;
  if (payload.length < 126) header[1] = payload.length;
  else {
    header[1] = 126;
    header.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([header, payload]);
}

/** The first whole frame of a client (masked, not fragmented); null: not all of it is there yet. */
function takeFrame(bytes: Buffer): { opcode: number; payload: Buffer; rest: Buffer } | null {
  if (bytes.length < 2) return null;
  const short = bytes[1]! & 0x7f;
  const at = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < at + 4) return null;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < at + 4 + length) return null;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
  for (let index = 0; index < payload.length; index++) payload[index]! ^= mask[index % 4]!;
  return { opcode: bytes[0]! & 0x0f, payload, rest: bytes.subarray(at + 4 + length) };
}
