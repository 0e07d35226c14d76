import { connect, type Socket } from 'node:net';

/** A connection on which a test writes its own bytes and reads the answer as it comes. */
export interface RawClient {
  readonly socket: Socket;
  /** Everything received so far. */
  received(): string;
  /** Resolves when what was received matches. */
  sees(pattern: RegExp): Promise<string>;
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<void>;
}

export async function rawClient(port: number, firstBytes: string | Buffer): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  const waiters: { pattern: RegExp; resolve: (text: string) => void }[] = [];
  socket.on('data', (chunk) => {
    text += chunk.toString('utf8');
    for (const waiter of waiters) if (waiter.pattern.test(text)) waiter.resolve(text);
  });
  // A reset is one of the ways in which a server may end a connection; tests look at what came before it.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write(firstBytes);
  return {
    socket,
    closed,
    received: () => text,
    sees(pattern) {
      if (pattern.test(text)) return Promise.resolve(text);
      return new Promise((resolve) => waiters.push({ pattern, resolve }));
    },
  };
}
