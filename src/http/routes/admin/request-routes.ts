import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { RequestFilter } from '../../../metering/usage-store.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { callerOf, noSuch, ownTag, requireAdmin, requireOwner } from './account-place.ts';
import { opaqueId } from './wire/fields.ts';
import { listBody, listOf, pageAsk } from './wire/lists.ts';
import { ownRequestsQuery, requestBody, requestsQuery, requestToWire } from './wire/usage-wire.ts';

/** `/api/requests` and `/api/me/requests`: one row a request. */
export function requestRoutes(fastify: FastifyInstance, auth: Authenticator, { usage }: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const tags = ['usage'];
  const failures = { '4xx': errorBody, '5xx': errorBody };
  const params = z.object({ id: opaqueId });

  app.get(
    '/api/requests',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags,
        operationId: 'listRequests',
        summary: 'Requests, newest first',
        querystring: requestsQuery,
        response: { 200: listOf(requestBody), ...failures },
      },
    },
    async ({ query }) =>
      listBody(await usage.list(filterOf(query, query.account_id ?? null), pageAsk(query)), requestToWire),
  );
  app.get(
    '/api/requests/:id',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags,
        operationId: 'getRequest',
        summary: 'One request: who answered it, who was asked before, what it cost',
        params,
        response: { 200: requestBody, ...failures },
      },
    },
    ({ params: { id } }) => found(id, null),
  );
  app.get(
    '/api/me/requests',
    {
      onRequest: requireOwner(auth),
      schema: {
        tags: [ownTag],
        operationId: 'listOwnRequests',
        summary: "Requests of the key's own account, newest first",
        querystring: ownRequestsQuery,
        response: { 200: listOf(requestBody), ...failures },
      },
    },
    async ({ query, facts }) =>
      listBody(await usage.list(filterOf(query, callerOf(facts).account.id), pageAsk(query)), requestToWire),
  );
  app.get(
    '/api/me/requests/:id',
    {
      onRequest: requireOwner(auth),
      schema: {
        tags: [ownTag],
        operationId: 'getOwnRequest',
        summary: "One request of the key's own account",
        params,
        response: { 200: requestBody, ...failures },
      },
    },
    ({ params: { id }, facts }) => found(id, callerOf(facts).account.id),
  );

  async function found(id: string, accountId: string | null) {
    const record = await usage.find(id, accountId);
    if (!record) throw noSuch('request', 'id');
    return requestToWire(record);
  }
}

function filterOf(query: z.infer<typeof ownRequestsQuery>, accountId: string | null): RequestFilter {
  return {
    fromMs: query.from?.getTime() ?? null,
    toMs: query.to?.getTime() ?? null,
    accountId,
    keyId: query.key_id ?? null,
    model: query.model ?? null,
    provider: query.provider ?? null,
    failedOnly: query.failed,
  };
}
