import type { Dispatcher } from 'undici';
import { GatewayError } from '../core/errors.ts';
import { failureOf } from './outbound-failure.ts';

/** What the other side answered. The body can be read once, by one of the methods. */
export interface OutboundReply {
  readonly status: number;
  /** A header's value by its lower-case name, repeated ones joined by commas; null: it is not there. */
  header(name: string): string | null;
  /** The whole body as UTF-8. Rejects with `bad_gateway` when it is larger than the request allowed. */
  text(): Promise<string>;
  /** The body as it arrives, under the same ceiling. Leaving the loop early closes the connection. */
  chunks(): AsyncIterable<Uint8Array>;
  /** For a body that nobody wants. */
  discard(): void;
}

export function createReply(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number },
): OutboundReply {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let received = 0;
    try {
      for await (const chunk of body) {
        const bytes: Uint8Array = chunk;
        received += bytes.length;
        if (received > maxBytes) {
          throw new GatewayError('bad_gateway', 'The reply of the provider is larger than any answer.', {
            origin: 'provider',
          });
        }
        yield bytes;
      }
    } catch (thrown) {
      throw failureOf(thrown, signal);
    } finally {
      body.destroy();
    }
  }
  return {
    status: statusCode,
    header(name) {
      const value = headers[name];
      return value === undefined ? null : String(value);
    },
    async text() {
      const length = Number(headers['content-length'] ?? Number.NaN);
      try {
        // undici holds the other side to the length that it gave, and gathers such a body with less ado.
        if (length <= maxBytes) return await body.text();
      } catch (thrown) {
        throw failureOf(thrown, signal);
      }
      const parts: Uint8Array[] = [];
      for await (const part of chunks()) parts.push(part);
      return Buffer.concat(parts).toString('utf8');
    },
    chunks,
    discard() {
      // Destroying a body that is still coming in makes it fail; nobody listens any more.
      body.on('error', ignored).destroy();
    },
  };
}

function ignored(): void {
  // The failure of a reply that was discarded changes nothing.
}
