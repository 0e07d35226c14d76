import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../core/errors.ts';
import type { Caller } from './key-directory.ts';
import { hashKey, type KeyStore } from './key-store.ts';

/** The parts of a request that can carry a key. */
export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  /** Path and query as received. */
  readonly url: string;
}

/** Turns a request's key into its owner. */
export interface Authenticator {
  /**
   * Rejects with GatewayError `invalid_api_key` (401), `account_suspended` (403), or whatever the store rejects with.
   */
  authenticate(credentials: Credentials): Promise<Caller>;
}

/** Longer keys are refused unhashed: no key of ours is near it, and hashing megabytes of header would be a gift. */
const maxKeyLength = 512;

/**
 * Accepts a key in every form that the clients of speech gateways send:
 * `Authorization: Bearer KEY`, `Authorization: Token KEY`, `Authorization: KEY`, `x-api-key: KEY`, `api-key: KEY`,
 * and on WebSocket upgrades, where browsers cannot set headers, `?api_key=KEY`.
 */
export function createAuthenticator(store: KeyStore): Authenticator {
  return {
    async authenticate(credentials) {
      const key = presentedKey(credentials);
      if (key === null) {
        throw new GatewayError(
          'invalid_api_key',
          'No API key was sent. Send it as a header: Authorization: Bearer YOUR_KEY.',
        );
      }
      const caller = key.length > maxKeyLength ? null : await store.findByHash(hashKey(key));
      if (!caller) {
        throw new GatewayError(
          'invalid_api_key',
          'The API key is not known here, has expired or was revoked. Check it, or ask for a new one.',
        );
      }
      if (caller.account.status === 'suspended') {
        throw new GatewayError('account_suspended', 'The account of this key is suspended. Ask its operator.');
      }
      return caller;
    },
  };
}

/** The key that a request carries, null when it carries none. The query counts on WebSocket upgrades alone: URLs get logged. */
export function presentedKey({ headers, url }: Credentials): string | null {
  const authorization = headers.authorization?.trim();
  if (authorization) {
    const key = /^(?:bearer|token)(?:\s+|$)(.*)$/i.exec(authorization);
    return (key ? key[1]! : authorization) || null;
  }
  const header = headers['x-api-key'] ?? headers['api-key'];
  if (typeof header === 'string' && header.trim() !== '') return header.trim();
  if (headers.upgrade?.toLowerCase() === 'websocket') {
    const query = url.indexOf('?');
    if (query >= 0) return new URLSearchParams(url.slice(query + 1)).get('api_key') || null;
  }
  return null;
}
