import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { HttpParts } from '../http-parts.ts';
import { requireKey } from '../require-key.ts';
import { errorBody, healthBody, readyBody } from '../wire-schemas.ts';

/** `/health` for people, `/livez` and `/readyz` for orchestrators, `/metrics` for Prometheus. */
export function healthRoutes(app: FastifyInstance, parts: HttpParts): void {
  const tags = ['operation'];
  app.get(
    '/health',
    {
      schema: {
        tags,
        operationId: 'getHealth',
        summary: 'Status and version; needs no key',
        security: [],
        response: { 200: healthBody },
      },
    },
    async () => ({
      status: parts.health().ready ? 'ok' : 'starting',
      version: parts.version,
      model: parts.defaultModel,
    }),
  );
  app.get(
    '/livez',
    { schema: { tags, operationId: 'getLivez', summary: 'Whether the process answers', security: [] } },
    async (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok\n'),
  );
  app.get(
    '/readyz',
    {
      schema: {
        tags,
        operationId: 'getReadyz',
        summary: 'Whether a request would be served now; 503 while not',
        security: [],
        response: { 200: readyBody, 503: readyBody },
      },
    },
    async (_request, reply) => {
      const { ready, checks } = parts.health();
      return reply.code(ready ? 200 : 503).send({ ready, checks });
    },
  );
  app.get(
    '/metrics',
    {
      ...(!parts.metricsPublic && { onRequest: requireKey(parts.auth, 'admin') }),
      schema: {
        tags,
        operationId: 'getMetrics',
        summary: 'Prometheus metrics; wants a key with the scope admin',
        response: {
          200: { description: 'In the text format of Prometheus.', content: { 'text/plain': { schema: z.string() } } },
          '4xx': errorBody,
        },
      },
    },
    async (_request, reply) => {
      const { contentType, body } = await parts.metrics.render();
      return reply.type(contentType).send(body);
    },
  );
}
