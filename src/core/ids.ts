import { randomBytes } from 'node:crypto';

/** A request id: `req_` and 24 URL-safe characters (144 random bits), unique without coordination. */
export function newRequestId(): string {
  return `req_${randomBytes(18).toString('base64url')}`;
}
