import { Readable } from 'node:stream';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { GatewayError } from '../core/errors.ts';
import { isLoopback } from './address-rules.ts';
import { GatheredPieces } from './gathered-pieces.ts';
import { OutboundExchange } from './outbound-exchange.ts';
import { failureOf } from './outbound-failure.ts';
import type { OutboundReply } from './outbound-reply.ts';
import { lookupPublic, refusedAddress, requirePublic } from './public-only.ts';

export type { OutboundReply } from './outbound-reply.ts';

/** A body that is made while it is sent. Its length is known beforehand, so that vendors need no chunked encoding. */
export interface StreamedBody {
  readonly contentType: string;
  /** Exactly what `open` yields in all; anything else ends the request. */
  readonly sizeBytes: number;
  /** All of them in order, where they lie in memory: then they are sent as they are, and `open` is not called. */
  readonly pieces?: readonly Uint8Array[];
  /** The bytes, read as fast as the other side takes them. Its `return` is called when the request ends early. */
  open(): AsyncIterable<Uint8Array>;
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Absolute http(s) address. */
  readonly url: string;
  /** Content-Length is set here; a text or byte body needs its Content-Type among these. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | StreamedBody;
  /** Aborted: the socket is closed at once, whatever it was doing. */
  readonly signal: AbortSignal;
  /** Longest wait for the reply's headers after the last byte of the body was taken. It should follow the audio's length. */
  readonly headersTimeoutMs?: number;
  /** Longest silence within the reply's body. */
  readonly bodyTimeoutMs?: number;
  /** Largest reply body that is read. */
  readonly maxReplyBytes?: number;
}

/**
 * The one door out over HTTP. Redirects are never followed: an upload must not travel to an address nobody configured.
 * Certificates are always checked. Rejects with GatewayError alone: `client_closed_request` (the signal), `timeout`,
 * `bad_gateway` (no connection, a broken one, nonsense), `invalid_value` (an address that may not be asked).
 */
export interface GuardedFetch {
  /** Resolves with the reply's headers, whatever its status. Its body must be read or discarded. */
  request(request: OutboundRequest): Promise<OutboundReply>;
  /** Ends all connections; requests in progress fail. */
  close(): Promise<void>;
}

export interface GuardedFetchOptions {
  /**
   * Origins (`https://api.example.com`, `http://10.0.0.5:8000`) that the operator's configuration or our own vendor tables
   * name. They may be private; every other origin must resolve to public addresses, also while connecting.
   */
  readonly trustedOrigins: readonly string[];
  /** Longest wait for a connection, TLS included. */
  readonly connectTimeoutMs?: number;
  /** Connections to one origin at a time; further requests wait for one. */
  readonly connectionsPerOrigin?: number;
}

/** Vendors accept connections in well under a second; more than this is an outage, and another provider may do better. */
const defaultConnectTimeoutMs = 10_000;
/** More than any vendor's concurrency, few enough that a burst cannot use up the machine's descriptors. */
const defaultConnections = 256;
/** Vendors begin to answer when they are done; callers with an idea of the audio's length say better. */
const defaultHeadersTimeoutMs = 300_000;
const defaultBodyTimeoutMs = 60_000;
/** Two hours of words with times are under 4 MB of JSON; sixteen leave room for four such channels. */
const defaultMaxReplyBytes = 16 * 1024 * 1024;
/** Vendors' own idle limits are a minute and more (many 60 s): reused well before, a request seldom meets a closing socket. */
const keepAliveTimeoutMs = 15_000;
/** Bytes of a body that wait for a connection before its source is held up; at most half of them leave in one system call. */
const socketBufferBytes = 1024 * 1024;
/** Addresses whose taking apart is remembered. */
const mostKnownTargets = 256;

/**
 * Proxies of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) are used for everything but this machine itself.
 * Where a proxy connects, it also resolves names: then only addresses written as numbers can be refused here.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const trusted = new Set(options.trustedOrigins.map((origin) => new URL(origin).origin));
  const timeout = options.connectTimeoutMs ?? defaultConnectTimeoutMs;
  const common = {
    connections: options.connectionsPerOrigin ?? defaultConnections,
    keepAliveTimeout: keepAliveTimeoutMs,
    // One upload fills a connection: many in one would only hold each other up.
    allowH2: false,
    pipelining: 1,
  };
  const connect = { timeout, highWaterMark: socketBufferBytes };
  const direct = new Agent({ ...common, connect });
  const viaProxy = new EnvHttpProxyAgent({ ...common, connect });
  const publicOnly = new EnvHttpProxyAgent({ ...common, connect: { ...connect, lookup: lookupPublic } });

  const knownTargets = new Map<string, Target>();
  function targetOf(address: string): Target {
    const known = knownTargets.get(address);
    if (known) return known;
    const url = addressOf(address);
    const target = { origin: url.origin, path: url.pathname + url.search, dispatcher: dispatcherFor(url) };
    // A vendor's few addresses come with every request; those of single jobs must not gather without end.
    if (trusted.has(url.origin)) {
      if (knownTargets.size >= mostKnownTargets) knownTargets.clear();
      knownTargets.set(address, target);
    }
    return target;
  }

  function dispatcherFor(url: URL): Dispatcher {
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refusedAddress();
    if (trusted.has(url.origin)) return isLoopback(url) ? direct : viaProxy;
    requirePublic(url);
    return publicOnly;
  }

  return {
    request: (request) => send(request, targetOf),
    async close() {
      await Promise.all([direct.destroy(), viaProxy.destroy(), publicOnly.destroy()]);
    },
  };
}

/** Who is asked, and by which way. */
interface Target {
  readonly origin: string;
  readonly path: string;
  readonly dispatcher: Dispatcher;
}

async function send(request: OutboundRequest, targetOf: (address: string) => Target): Promise<OutboundReply> {
  const { signal, headersTimeoutMs = defaultHeadersTimeoutMs, bodyTimeoutMs = defaultBodyTimeoutMs } = request;
  const body = outgoing(request.body);
  try {
    signal.throwIfAborted();
    const { origin, path, dispatcher } = targetOf(request.url);
    const exchange = new OutboundExchange({
      signal,
      maxBytes: request.maxReplyBytes ?? defaultMaxReplyBytes,
      body: body.content,
    });
    const options = {
      origin,
      path,
      method: request.method,
      headers: { ...request.headers, ...body.headers },
      // Any iterable is a body by undici's documentation (Dispatcher.dispatch); its types have forgotten it.
      body: body.content as Exclude<typeof body.content, GatheredPieces>,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
    };
    dispatcher.dispatch(options, exchange);
    return await exchange.reply;
  } catch (thrown) {
    throw (signal.aborted ? null : body.fault()) ?? failureOf(thrown, signal, 'before-answer');
  }
}

interface Outgoing {
  readonly content: string | Uint8Array | Readable | GatheredPieces | null;
  readonly headers: Readonly<Record<string, string>>;
  /** What went wrong on our side while the body was made. */
  fault(): GatewayError | null;
}

function outgoing(body: OutboundRequest['body']): Outgoing {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    return { content: body ?? null, headers: {}, fault: () => null };
  }
  const headers = { 'content-type': body.contentType, 'content-length': String(body.sizeBytes) };
  if (body.pieces) return { content: new GatheredPieces(body.pieces), headers, fault: () => null };
  let fault: GatewayError | null = null;
  async function* watched(source: StreamedBody) {
    try {
      yield* source.open();
    } catch (thrown) {
      fault =
        thrown instanceof GatewayError
          ? thrown
          : new GatewayError('server_error', 'The upload could not be read.', { cause: thrown });
      throw thrown;
    }
  }
  return {
    content: Readable.from(watched(body), { objectMode: false }),
    headers,
    fault: () => fault,
  };
}

function addressOf(text: string): URL {
  const url = URL.parse(text);
  if (!url) throw refusedAddress();
  return url;
}
