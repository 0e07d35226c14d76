import { subscribe } from 'node:diagnostics_channel';
import type { Writable } from 'node:stream';

/**
 * A body of pieces that lie in memory, which leave with the request's head in one system call. undici writes each piece by
 * itself, and waits for the connection in between: an upload of 100 kB was four calls and as many turns of the event loop
 * on our side, and as many wake-ups on the other. It tells which connection it takes (`undici:client:sendHeaders`, a
 * documented channel); that one holds what is written back until the last piece is there, or a good part of its buffer full.
 */
export class GatheredPieces implements Iterable<Uint8Array> {
  readonly #pieces: readonly Uint8Array[];
  #connection: Writable | null = null;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
  }

  /** Where the pieces are about to be written. */
  goTo(connection: Writable): void {
    this.#connection = connection;
  }

  /** Each piece is taken when the one before it has been written. */
  *[Symbol.iterator](): Generator<Uint8Array, void> {
    const connection = this.#connection;
    if (!connection) {
      yield* this.#pieces;
      return;
    }
    // Half of it: a buffer that is full while it is held back would never empty itself, and the head counts too.
    const mostBytes = connection.writableHighWaterMark / 2;
    let isHeldBack = false;
    try {
      for (const piece of this.#pieces) {
        const fits = connection.writableLength + piece.length < mostBytes;
        if (fits && !isHeldBack) connection.cork();
        if (!fits && isHeldBack) connection.uncork();
        isHeldBack = fits;
        yield piece;
      }
    } finally {
      if (isHeldBack) connection.uncork();
    }
  }
}

interface SendHeaders {
  readonly request: { readonly body?: unknown };
  readonly socket: Writable;
}

subscribe('undici:client:sendHeaders', (message) => {
  const { request, socket } = message as SendHeaders;
  if (request.body instanceof GatheredPieces) request.body.goTo(socket);
});
