import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { requireAdmin } from './account-place.ts';
import { listOf, wholeList } from './wire/lists.ts';
import { providerBody, providerToWire } from './wire/provider-wire.ts';

/** `/api/providers`: who can be asked, and how that has been going in this process. */
export function providerRoutes(app: FastifyInstance, auth: Authenticator, { providers }: AdminParts): void {
  app.get(
    '/api/providers',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags: ['operation'],
        operationId: 'listProviders',
        summary: 'Configured providers with health, breakers, recent latency and error share; scope admin',
        response: { 200: listOf(providerBody), '4xx': errorBody, '5xx': errorBody },
      },
    },
    async () => wholeList(providers(), providerToWire),
  );
}
