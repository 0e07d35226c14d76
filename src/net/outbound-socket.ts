import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { Agent, type Dispatcher, EnvHttpProxyAgent, type MessageEvent, WebSocket } from 'undici';
import { isLoopback } from './address-rules.ts';
import { abortFailure, failureOf } from './outbound-failure.ts';
import { lookupPublic, requirePublic } from './public-only.ts';

export interface SocketRequest {
  /** Absolute ws(s) address. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted: the connection is cut at once, whatever it was doing. */
  readonly signal: AbortSignal;
  /** One text frame, in order, while the socket is open. Must not throw. */
  readonly onText: (text: string) => void;
}

export interface SocketEnd {
  /** RFC 6455 close code; 1005: closed without one, 1006: the connection broke or was cut. */
  readonly code: number;
}

export interface OutboundSocket {
  readonly kind: 'open';
  /**
   * Text as a text frame, bytes as a binary one. Resolves when the other side's pace allows the next frame; rejects with
   * GatewayError when the socket is no longer open.
   */
  send(frame: string | Uint8Array): Promise<void>;
  /** Resolves when the connection is gone, however that came about. */
  readonly ended: Promise<SocketEnd>;
  /** Cuts the connection at once. */
  destroy(): void;
}

/** The other side answered the handshake with something else than an upgrade. */
export interface RefusedHandshake {
  readonly kind: 'refused';
  readonly status: number;
  /** A header's value by its lower-case name; null: it is not there. */
  header(name: string): string | null;
}

/** The one door out for WebSockets. `open` rejects with GatewayError alone, as `GuardedFetch.request` does. */
export interface OutboundSockets {
  open(request: SocketRequest): Promise<OutboundSocket | RefusedHandshake>;
  /** Ends handshakes in progress; open sockets end with their own signal. */
  close(): Promise<void>;
}

/** As for requests: vendors accept connections in well under a second. */
const connectTimeoutMs = 10_000;
/** From the connection to the answer of the handshake. */
const handshakeTimeoutMs = 15_000;
/** Vendors' messages are the text of one turn with its words; a megabyte is over an hour of speech. */
const maxMessageBytes = 1024 * 1024;

export interface OutboundSocketsOptions {
  /**
   * Addresses are not the operator's nor those of our vendor tables, which may be private: only such on the public
   * internet are asked. `open` rejects with `invalid_value` for the others.
   */
  readonly publicOnly?: boolean;
}

/** Proxies of the environment are used for everything but this machine itself; certificates are always checked. */
export function createOutboundSockets({ publicOnly = false }: OutboundSocketsOptions = {}): OutboundSockets {
  const common = {
    connect: { timeout: connectTimeoutMs, ...(publicOnly && { lookup: lookupPublic }) },
    headersTimeout: handshakeTimeoutMs,
    allowH2: false,
    webSocket: { maxPayloadSize: maxMessageBytes },
  };
  const direct = new Agent(common);
  const viaProxy = new EnvHttpProxyAgent(common);
  return {
    async open(request) {
      if (publicOnly) requirePublic(request.url);
      return await open(request, isLoopback(request.url) ? direct : viaProxy);
    },
    async close() {
      await Promise.all([direct.destroy(), viaProxy.destroy()]);
    },
  };
}

/** What undici's WebSocket does not tell: how a handshake was refused, why it failed, and the connection under the socket. */
interface Handshake {
  refused: RefusedHandshake | null;
  failure: unknown;
  connection: Duplex | null;
}

async function open(request: SocketRequest, agent: Dispatcher): Promise<OutboundSocket | RefusedHandshake> {
  const { signal } = request;
  if (signal.aborted) throw abortFailure(signal);
  const handshake: Handshake = { refused: null, failure: null, connection: null };
  const socket = new WebSocket(request.url, {
    headers: request.headers,
    dispatcher: agent.compose(watching(handshake)),
  });
  // A closing handshake would wait for the other side: cut instead.
  const destroy = () => (handshake.connection ? handshake.connection.destroy() : socket.close());
  signal.addEventListener('abort', destroy, { once: true });
  const ended = new Promise<SocketEnd>((resolve) => {
    socket.addEventListener('close', ({ code }) => {
      signal.removeEventListener('abort', destroy);
      resolve({ code });
    });
  });
  socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (typeof data === 'string') request.onText(data);
  });
  const opened = new Promise<'opened'>((resolve) => {
    socket.addEventListener('open', () => resolve('opened'), { once: true });
  });
  const first = await Promise.race([opened, ended]);
  if (signal.aborted) {
    destroy();
    throw abortFailure(signal);
  }
  if (first !== 'opened') {
    if (handshake.refused) return handshake.refused;
    throw failureOf(handshake.failure, signal);
  }
  return {
    kind: 'open',
    ended,
    destroy,
    async send(frame) {
      if (socket.readyState !== WebSocket.OPEN) throw failureOf(null, signal);
      socket.send(frame);
      if (handshake.connection?.writableNeedDrain) await drained(handshake.connection);
    },
  };
}

function watching(handshake: Handshake): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (...args) => handler.onRequestStart?.(...args),
      onRequestUpgrade(controller, status, headers, connection) {
        handshake.connection = connection;
        return handler.onRequestUpgrade?.(controller, status, headers, connection);
      },
      onResponseStarted: () => handler.onResponseStarted?.(),
      onResponseStart(controller, status, headers, statusMessage) {
        if (status < 200) return handler.onResponseStart?.(controller, status, headers, statusMessage);
        handshake.refused = { kind: 'refused', status, header: (name) => headerOf(headers, name) };
        // Ended here: undici would try a handshake that was refused with 401 a second time.
        controller.abort(new Error('The handshake was refused.'));
      },
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError(controller, error) {
        handshake.failure ??= error;
        return handler.onResponseError?.(controller, error);
      },
    });
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return value === undefined ? null : String(value);
}

function drained(connection: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      connection.off('drain', done).off('close', done);
      resolve();
    };
    connection.on('drain', done).on('close', done);
  });
}
