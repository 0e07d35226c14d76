import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../auth/key-directory.ts';
import type { Log } from '../core/log.ts';
import type { HttpMetrics, RequestRecord } from './http-metrics.ts';

/** What becomes known of a request on its way; the routes fill it in, the log line and the metrics read it. */
export interface RequestFacts {
  /** `performance.now()` at the first byte of the headers that we saw. */
  readonly startedAt: number;
  /** The same moment, in milliseconds since the Unix epoch. */
  readonly arrivedAtMs: number;
  /** null until a key has been accepted. */
  principal: Caller | null;
  receivedBytes: number;
  /** As the caller wrote it; null: it did not come to that. */
  model: string | null;
  routedModel: string | null;
  audioMs: number | null;
  workMs: number | null;
  /** null on success. */
  errorCode: string | null;
  /** Money is held for it: its row is written with the end of the hold, and not by the door. */
  isHeld: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    facts: RequestFacts;
  }
}

/** Routes that machines poll; their log lines are kept at the level of debugging. */
const polledRoutes: ReadonlySet<string> = new Set(['/health', '/livez', '/readyz', '/metrics']);

/**
 * Gives every request its id, its facts, and one structured line and one measurement at its end, however it ended.
 * A connection whose client is still sending after the answer is read on for `lingerMs` and then closed.
 */
export function recordRequests(
  app: FastifyInstance,
  parts: { readonly log: Log; readonly metrics: HttpMetrics; readonly lingerMs: number },
): void {
  app.decorateRequest('facts');
  app.decorateRequest('heldKey', null);
  app.addHook('onRequest', (request, reply, done) => {
    request.facts = {
      startedAt: performance.now(),
      arrivedAtMs: Date.now(),
      principal: null,
      receivedBytes: 0,
      model: null,
      routedModel: null,
      audioMs: null,
      workMs: null,
      errorCode: null,
      isHeld: false,
    };
    reply.header('x-request-id', request.id);
    reply.raw.once('close', () => {
      const answered = reply.raw.writableFinished;
      const record = toRecord(request, answered ? reply.raw.statusCode : 499);
      parts.metrics.requestFinished(record);
      const level = polledRoutes.has(record.route) ? 'debug' : 'info';
      parts.log[level](record, 'request');
      if (answered && !request.raw.complete) linger(request, parts.lingerMs);
    });
    done();
  });
}

function toRecord(request: FastifyRequest, status: number): RequestRecord {
  const { facts } = request;
  return {
    requestId: request.id,
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    status,
    errorCode: status === 499 ? 'client_closed_request' : facts.errorCode,
    latencyMs: Math.round((performance.now() - facts.startedAt) * 10) / 10,
    receivedBytes: facts.receivedBytes,
    routedModel: facts.routedModel,
    audioMs: facts.audioMs,
    workMs: facts.workMs,
    keyId: facts.principal?.keyId ?? null,
  };
}

/**
 * Closing a connection on which unread bytes arrive makes the kernel reset it, and the reset can overtake the answer.
 * So the rest is dropped as it comes; who finishes sending in time keeps the connection, the others lose it.
 */
function linger(request: FastifyRequest, lingerMs: number): void {
  const { socket } = request.raw;
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  const stop = () => {
    clearTimeout(timer);
    request.raw.off('end', stop);
    socket.off('close', stop);
  };
  request.raw.on('end', stop);
  socket.on('close', stop);
  request.raw.resume();
}
