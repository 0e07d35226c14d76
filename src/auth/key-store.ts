import { hash, timingSafeEqual } from 'node:crypto';
import type { Caller } from './key-directory.ts';

/** Where keys are kept; `storage` implements it. Only hashes are ever stored. */
export interface KeyStore {
  /**
   * The caller whose key has this hash (`hashKey`), null when there is none. A store that compares hashes itself uses
   * `sameHash`. Rejects with GatewayError `service_unavailable` when it cannot look.
   */
  findByHash(hash: string): Promise<Caller | null>;
}

/** SHA-256 of a key in lower-case hex: the only form in which a key is stored. Keys are long and random, so no salt. */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** Compares two hashes in constant time. */
export function sameHash(left: string, right: string): boolean {
  const leftBytes = Buffer.from(left);
  const rightBytes = Buffer.from(right);
  return leftBytes.length === rightBytes.length && timingSafeEqual(leftBytes, rightBytes);
}
