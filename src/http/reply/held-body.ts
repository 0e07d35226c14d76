import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

export interface HeldBodyOptions {
  /** Sent when nothing else has been for a while: text that the reader of the body skips. */
  readonly filler: string;
  readonly intervalMs: number;
  /** A client that has taken nothing for this long while there was something to take is cut off. */
  readonly stallTimeoutMs: number;
}

/**
 * A response body that is begun before it is known, and kept alive until it is. Hand `readable` to Fastify, then push.
 * The client's pace is honoured: what it has not taken waits here, and it never holds more than one transcript.
 */
export class HeldBody {
  readonly readable: Readable;
  readonly #timer: NodeJS.Timeout;
  #sentSinceBeat = false;
  #stalledMs = 0;
  #ended = false;

  constructor(response: ServerResponse, options: HeldBodyOptions) {
    this.readable = new Readable({ read() {} });
    this.#timer = setInterval(() => {
      const waiting = this.readable.readableLength > 0 || response.writableNeedDrain;
      this.#stalledMs = waiting ? this.#stalledMs + options.intervalMs : 0;
      if (this.#stalledMs >= options.stallTimeoutMs) response.destroy();
      else if (!waiting && !this.#sentSinceBeat) this.readable.push(options.filler);
      this.#sentSinceBeat = false;
    }, options.intervalMs);
    this.readable.once('close', () => this.#stop());
    response.once('close', () => this.#stop());
  }

  push(text: string): void {
    if (this.#ended || text === '') return;
    this.#sentSinceBeat = true;
    this.readable.push(text);
  }

  /** The last words; nothing can follow. */
  end(text = ''): void {
    this.push(text);
    if (this.#ended) return;
    this.#stop();
    this.readable.push(null);
  }

  #stop(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }
}
