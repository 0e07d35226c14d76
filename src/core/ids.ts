import { randomFillSync } from 'node:crypto';

/** Random bytes are asked of the system for so many ids at a time: each asking costs more than all else in an id. */
const poolIds = 256;
const tokenBytes = 18;
const pool = Buffer.alloc(poolIds * tokenBytes);
let used = pool.length;

/** 24 URL-safe characters, 144 random bits that nobody can foretell. */
export function newToken(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const token = pool.toString('base64url', used, used + tokenBytes);
  // What has been given away is not kept.
  pool.fill(0, used, used + tokenBytes);
  used += tokenBytes;
  return token;
}

/** A request id: `req_` and a token, unique without coordination. */
export function newRequestId(): string {
  return `req_${newToken()}`;
}
