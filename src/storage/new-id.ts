import { randomBytes } from 'node:crypto';

/** `acc_…`, `key_…`: 120 random bits in URL-safe characters, unique without coordination. */
export function newId(prefix: 'acc' | 'key' | 'tok' | 'hold'): string {
  return `${prefix}_${randomBytes(15).toString('base64url')}`;
}
