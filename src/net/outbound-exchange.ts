import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../core/errors.ts';
import { abortFailure, failureOf } from './outbound-failure.ts';
import type { OutboundReply } from './outbound-reply.ts';

/** Of a reply that nobody takes at the moment, so much is kept before the connection is held up: Node's own measure. */
const mostHeldBytes = 64 * 1024;

export interface ExchangeParts {
  readonly signal: AbortSignal;
  /** Of the reply. */
  readonly maxBytes: number;
  /** What is sent: a stream is destroyed when the request fails before it was read to its end. */
  readonly body: unknown;
}

/**
 * One request and its reply, as undici tells of them. Its own `request` makes a stream and an async resource of every
 * reply; nearly all of ours are one small piece of JSON that is there with its head.
 */
export class OutboundExchange implements Dispatcher.DispatchHandler, OutboundReply {
  /** The reply once its head is there. Rejects with what undici, or the signal, gave as the reason. */
  readonly reply: Promise<OutboundReply>;
  status = 0;
  readonly #parts: ExchangeParts;
  readonly #answered: (reply: OutboundReply) => void;
  readonly #unanswered: (reason: unknown) => void;
  #headers: IncomingHttpHeaders = {};
  #controller: Dispatcher.DispatchController | null = null;
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  #receivedBytes = 0;
  /** The whole body is wanted at once: nothing is gained by holding it up. */
  #takesAll = false;
  #isOver = false;
  #failure: { readonly reason: unknown } | null = null;
  #wake: (() => void) | null = null;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { promise, resolve, reject } = Promise.withResolvers<OutboundReply>();
    this.reply = promise;
    this.#answered = resolve;
    this.#unanswered = reject;
    parts.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure) controller.abort(asError(this.#failure.reason));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx: the answer is still to come.
    if (status < 200) return;
    this.status = status;
    this.#headers = headers;
    this.#answered(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.#parts.maxBytes) {
      const error = new GatewayError('bad_gateway', 'The reply of the provider is larger than any answer.', {
        origin: 'provider',
      });
      this.#fail(error);
      controller.abort(error);
      return;
    }
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
    if (!this.#takesAll && this.#heldBytes >= mostHeldBytes) controller.pause();
    this.#wakeReader();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  header(name: string): string | null {
    const value = this.#headers[name];
    return value === undefined ? null : String(value);
  }

  async text(): Promise<string> {
    this.#takesAll = true;
    this.#resume();
    while (!this.#isOver) await this.#news();
    if (this.#failure) throw failureOf(this.#failure.reason, this.#parts.signal);
    const [first] = this.#chunks;
    const whole = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    return withoutMark(whole).toString('utf8');
  }

  async *chunks(): AsyncGenerator<Uint8Array, void> {
    const { signal } = this.#parts;
    try {
      for (;;) {
        if (signal.aborted) throw abortFailure(signal);
        const chunk = this.#chunks.shift();
        if (chunk) {
          this.#heldBytes -= chunk.length;
          if (this.#heldBytes < mostHeldBytes) this.#resume();
          yield chunk;
        } else if (this.#failure) {
          throw failureOf(this.#failure.reason, signal);
        } else if (this.#isOver) {
          return;
        } else {
          await this.#news();
        }
      }
    } finally {
      this.discard();
    }
  }

  discard(): void {
    this.#chunks = [];
    if (this.#isOver) return;
    const reason = new Error('Nobody wants the reply.');
    this.#fail(reason);
    this.#controller?.abort(reason);
  }

  readonly #onAbort = (): void => {
    const { reason } = this.#parts.signal;
    this.#fail(reason);
    this.#controller?.abort(asError(reason));
  };

  #fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#failure = { reason };
    this.#end();
    this.#unanswered(reason);
    const { body } = this.#parts;
    // Its failure is told by the reply.
    if (body instanceof Readable) body.on('error', () => {}).destroy();
  }

  #end(): void {
    this.#isOver = true;
    this.#parts.signal.removeEventListener('abort', this.#onAbort);
    this.#wakeReader();
  }

  #resume(): void {
    if (this.#controller?.paused) this.#controller.resume();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/** Some servers begin their JSON with a byte order mark. */
function withoutMark(text: Buffer): Buffer {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was given up.', { cause: reason });
}
