import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { requireAdmin } from './account-place.ts';
import { auditEntryBody, auditEntryToWire, auditQuery } from './wire/audit-wire.ts';
import { listBody, listOf, pageAsk } from './wire/lists.ts';

/** `/api/audit`: every act of an administrator. */
export function auditRoutes(fastify: FastifyInstance, auth: Authenticator, { audit }: AdminParts): void {
  fastify.withTypeProvider<ZodTypeProvider>().get(
    '/api/audit',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags: ['accounts'],
        operationId: 'listAudit',
        summary: 'Who did what, when, to what; newest first',
        querystring: auditQuery,
        response: { 200: listOf(auditEntryBody), '4xx': errorBody, '5xx': errorBody },
      },
    },
    async ({ query }) => listBody(await audit.list(query.account_id ?? null, pageAsk(query)), auditEntryToWire),
  );
}
