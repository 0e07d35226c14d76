import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { GatewayError } from '../core/errors.ts';
import { newRequestId } from '../core/ids.ts';
import { createGate } from '../limits/gate.ts';
import { createOverload } from '../limits/overload.ts';
import { answerErrors, malformedRequestAnswer, sendError } from './answer-errors.ts';
import type { HttpParts } from './http-parts.ts';
import { readJsonBodies } from './intake/json-bodies.ts';
import { openSpool } from './intake/spool.ts';
import { exposedHeaders } from './reply/receipt.ts';
import { recordRequests } from './request-facts.ts';
import { adminRoutes } from './routes/admin/admin-routes.ts';
import { audioRoutes } from './routes/audio-routes.ts';
import { collectOpenApi, documentRoutes } from './routes/document-routes.ts';
import { explainRoutes } from './routes/explain-routes.ts';
import { healthRoutes } from './routes/health-routes.ts';
import { modelRoutes } from './routes/model-routes.ts';
import { modelStoreRoutes } from './routes/model-store-routes.ts';
import { watchSilentConnections } from './silent-connections.ts';

export type { HealthSnapshot, HttpParts } from './http-parts.ts';

/** No route takes a JSON body yet that is longer; uploads are read past this limit, by the intake. */
const maxJsonBodyBytes = 1024 * 1024;

/** Builds the whole HTTP surface without listening. Close it with `app.close()`: that also removes its spool directory. */
export async function createHttpApp(parts: HttpParts): Promise<FastifyInstance> {
  const { limits, log } = parts;
  const spool = await openSpool({
    tempDir: parts.tempDir,
    memoryUploadBytes: limits.memoryUploadBytes,
    memoryTotalBytes: limits.memoryTotalBytes,
    thresholdBytes: limits.spoolThresholdBytes,
    minFreeDiskBytes: limits.minFreeDiskBytes,
    log,
  });
  const app = fastify({
    // The request line is written by recordRequests, which knows what may be said.
    logger: false,
    genReqId: newRequestId,
    requestIdHeader: false,
    bodyLimit: maxJsonBodyBytes,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Node would cut every upload after 300 s; the intake's own timeouts watch uploads byte by byte.
    requestTimeout: 0,
    http: { headersTimeout: limits.headersTimeoutMs },
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 512 },
    // Answered by endConnectionsWhileClosing, in the shape of every other failure.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, log),
    clientErrorHandler(error, socket) {
      if (socket.destroyed) return;
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
      else socket.end(malformedRequestAnswer(error.code));
    },
  });
  app.addHook('onClose', () => spool.close());
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  letBodiesWait(app);
  readJsonBodies(app);
  recordRequests(app, { log, metrics: parts.metrics, lingerMs: limits.lingerMs });
  endConnectionsWhileClosing(app);
  answerErrors(app, log);
  await app.register(cors, {
    origin: parts.corsOrigins === '*' ? '*' : [...parts.corsOrigins],
    exposedHeaders: [...exposedHeaders],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    maxAge: 7200,
  });
  const refuseOtherMethods = collectMethods(app);
  await collectOpenApi(app, parts.version);

  const gate = createGate({
    capacity: limits.maxConcurrentUploads,
    fullMessage: 'Too many uploads are being received at this moment.',
    retryAfterSeconds: 1,
  });
  const memoryCeiling = (limits.shedUploadMemoryShare ?? Number.POSITIVE_INFINITY) * limits.memoryTotalBytes;
  const overload = createOverload(
    [
      ...(parts.loadSignals ?? []),
      // Where none may stay in memory there is nothing to run out of.
      { name: 'uploads in memory', read: () => spool.memoryBytes, ceiling: memoryCeiling || Number.POSITIVE_INFINITY },
    ],
    log,
  );
  audioRoutes(app, parts, { spool, gate, overload });
  modelRoutes(app, parts);
  modelStoreRoutes(app, parts);
  explainRoutes(app, parts);
  adminRoutes(app, parts);
  healthRoutes(app, parts);
  documentRoutes(app, parts);
  refuseOtherMethods();
  return app;
}

/**
 * Leaves multipart bodies on the socket for the intake, and answers `Expect: 100-continue` only once a request has been
 * let in: a client that asks first never sends an upload that its key or its size would have refused.
 */
function letBodiesWait(app: FastifyInstance): void {
  app.addContentTypeParser('multipart/form-data', (_request, _body, done) => done(null));
  const waiting = new WeakSet<IncomingMessage>();
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    app.server.emit('request', request, response);
  });
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (waiting.has(request.raw)) reply.raw.writeContinue();
    done(null, payload);
  });
}

/**
 * Closing waits until every connection is gone, and clients keep theirs open for a next request: so each goes with the
 * answer that it was waiting for. A request that comes on one of them all the same is told to try elsewhere.
 */
function endConnectionsWhileClosing(app: FastifyInstance): void {
  let closing = false;
  const endSilent = watchSilentConnections(app.server);
  app.addHook('preClose', (done) => {
    closing = true;
    endSilent();
    done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('finish', () => {
      if (closing) request.raw.socket.end();
    });
    const refusal = { retryAfterSeconds: 5 };
    if (closing) done(new GatewayError('service_unavailable', 'The server is shutting down.', refusal));
    else done();
  });
}

/** Those that are answered 405 where a path does not have them; OPTIONS is answered for browsers. */
const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE'] as const;

/** Notes the methods of every path; the returned function then answers the others with 405 instead of 404. */
function collectMethods(app: FastifyInstance): () => void {
  const methodsByUrl = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByUrl.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one.toUpperCase());
    methodsByUrl.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...methodsByUrl]) {
      if (url === '*' || url === '/*') continue;
      const allowed = [...methods].join(', ');
      const others = knownMethods.filter((one) => !methods.has(one));
      app.route({
        method: others,
        url,
        schema: { hide: true },
        // Answered before a body of any type is looked at.
        onRequest: async (request, reply) => {
          reply.header('allow', allowed);
          throw new GatewayError('method_not_allowed', `${request.method} is not possible here; ${allowed} is.`);
        },
        handler: async () => null,
      });
    }
  };
}
