import type { GuardedFetch } from '../../net/guarded-fetch.ts';
import { readVendorFailure, type VendorComplaint } from './vendor-failure.ts';

/** Somebody waits for the outcome, and vendors answer such questions in well under a second. */
const timeoutMs = 15_000;

export interface KeyCheck {
  readonly http: GuardedFetch;
  /** Something that costs nothing and that nobody gets without a key. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string;
  readonly readComplaint: (body: unknown) => VendorComplaint;
  readonly signal: AbortSignal;
}

/** `Provider.checkKey` for vendors that answer a GET. */
export async function checkKeyAt({ http, url, headers, key, readComplaint, signal }: KeyCheck): Promise<void> {
  const reply = await http.request({
    method: 'GET',
    url,
    headers,
    signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
  });
  if (reply.status !== 200) throw await readVendorFailure(reply, readComplaint, [key]);
  reply.discard();
}
