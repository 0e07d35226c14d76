import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { GuardedFetch, OutboundReply, OutboundRequest } from '../../net/guarded-fetch.ts';
import { abortFailure } from '../../net/outbound-failure.ts';
import { noComplaint, vendorFailure } from '../support/vendor-failure.ts';

/** How often a job is asked after, in milliseconds: soon at first, then ever less. */
export interface PollIntervals {
  readonly firstMs: number;
  readonly longestMs: number;
}

export const defaultPollIntervals: PollIntervals = { firstMs: 500, longestMs: 3_000 };
const growth = 1.5;

export interface BridgeFetchOptions {
  readonly http: GuardedFetch;
  /** Where all requests go, whatever host the package names; null: where the package says, public addresses alone. */
  readonly baseUrl: string | null;
  readonly signal: AbortSignal;
  /** For one reply, and for a whole job that is asked after. */
  readonly timeoutMs: number;
  readonly intervals?: PollIntervals;
}

/** The `fetch` that one conversation of a package goes through. */
export interface BridgeFetch {
  readonly fetch: typeof globalThis.fetch;
  /** Whether anything has been asked through it. */
  wasUsed(): boolean;
  /** Why the last request failed, null when it did not: packages wrap it in errors of their own. */
  fault(): GatewayError | null;
}

/** Words for a job that is not done, in the spellings of Gladia, Rev AI, AssemblyAI, Soniox, fal and their like. */
const underway: ReadonlySet<string> = new Set([
  'queued',
  'in_queue',
  'pending',
  'submitted',
  'starting',
  'running',
  'processing',
  'in_progress',
]);
const statusSchema = z.object({ status: z.string() });

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;

/** Headers of replies that packages read. */
const passedHeaders = ['content-type', 'retry-after', 'retry-after-ms', 'x-request-id', 'location'] as const;

/**
 * A `fetch` over our one door out: addresses are checked, redirects refused, replies bounded, the caller's leaving and our
 * timeouts reach the socket.
 *
 * Packages ask after jobs by themselves and give up after a minute (Gladia, Rev AI) or never (AssemblyAI). So a job that
 * is not done is asked after here, and the package hears only of its end: what bounds it is our own time, not theirs.
 */
export function createBridgeFetch(options: BridgeFetchOptions): BridgeFetch {
  let used = false;
  let fault: GatewayError | null = null;
  return {
    wasUsed: () => used,
    fault: () => fault,
    async fetch(input, init) {
      used = true;
      fault = null;
      try {
        return await answer(new Request(input, init), options);
      } catch (thrown) {
        fault = toGatewayError(thrown);
        throw fault;
      }
    },
  };
}

async function answer(request: Request, options: BridgeFetchOptions): Promise<Response> {
  const { http, baseUrl, timeoutMs, intervals = defaultPollIntervals } = options;
  const method = methods.find((one) => one === request.method);
  if (!method) throw new GatewayError('bad_gateway', 'The package sends a request of a kind that is not passed on.');
  const signal = AbortSignal.any([options.signal, request.signal]);
  const outbound: OutboundRequest = {
    method,
    url: addressOf(request.url, baseUrl),
    headers: Object.fromEntries(request.headers),
    ...(request.body !== null && { body: new Uint8Array(await request.arrayBuffer()) }),
    signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: timeoutMs,
  };
  const startedAt = performance.now();
  for (let waitMs = intervals.firstMs; ; waitMs = Math.min(intervals.longestMs, waitMs * growth)) {
    const reply = await http.request(outbound);
    if (reply.status >= 300 && reply.status < 400) {
      reply.discard();
      throw vendorFailure(reply.status, noComplaint, { secrets: [] });
    }
    const text = await reply.text();
    if (method !== 'GET' || reply.status !== 200 || !isUnderway(text)) return toResponse(reply, text);
    if (performance.now() - startedAt > timeoutMs) {
      throw new GatewayError('timeout', 'The provider did not finish the transcript in time.', { origin: 'provider' });
    }
    await pause(waitMs, signal);
  }
}

/**
 * With a base address of the operator's all requests go there: not every package takes one, and some follow addresses out
 * of replies. What a package addressed to it already stays as it is; the rest gets its path in front. Exported for its test.
 */
export function addressOf(url: string, baseUrl: string | null): string {
  if (baseUrl === null) return url;
  const base = new URL(baseUrl);
  const { origin, pathname, search } = new URL(url);
  return origin === base.origin ? url : base.origin + base.pathname.replace(/\/+$/, '') + pathname + search;
}

function isUnderway(text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
  const parsed = statusSchema.safeParse(value);
  return parsed.success && underway.has(parsed.data.status.toLowerCase());
}

function toResponse(reply: OutboundReply, text: string): Response {
  const headers = new Headers();
  for (const name of passedHeaders) {
    const value = reply.header(name);
    if (value !== null) headers.set(name, value);
  }
  // The platform's Response refuses a body, even an empty one, under these.
  const isBare = reply.status === 204 || reply.status === 205;
  return new Response(isBare ? null : text, { status: reply.status, headers });
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal });
  } catch (thrown) {
    throw signal.aborted ? abortFailure(signal) : thrown;
  }
}
