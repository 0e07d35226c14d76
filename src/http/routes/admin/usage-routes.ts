import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { UsageAsk } from '../../../metering/usage-store.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { callerOf, ownTag, requireAdmin, requireOwner } from './account-place.ts';
import { listBody, listOf, pageAsk, wholeList } from './wire/lists.ts';
import { reconcileQuery, reconcileRowBody, reconcileRowToWire } from './wire/reconcile-wire.ts';
import { csvHead, csvRows } from './wire/usage-csv.ts';
import { ownUsageQuery, usageQuery, usageRowBody, usageToWire } from './wire/usage-wire.ts';

const defaultSpanMs = 30 * 86_400_000;
/** Rows that are read at once for a file, as many as the store gives: some megabytes. */
const exportPageSize = 10_000;

/** `/api/usage` and `/api/me/usage`: sums of what was asked, as JSON in pages or as one CSV file. */
export function usageRoutes(fastify: FastifyInstance, auth: Authenticator, { usage }: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const response = {
    200: {
      description: 'One row for each group, in the order of the groups.',
      content: {
        'application/json': { schema: listOf(usageRowBody) },
        'text/csv': { schema: z.string().describe('A header line, then a line for each row.') },
      },
    },
    '4xx': errorBody,
    '5xx': errorBody,
  };
  app.get(
    '/api/usage',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags: ['usage'],
        operationId: 'getUsage',
        summary: 'What was asked and what it cost, by day, model, provider, key, account or status',
        querystring: usageQuery,
        response,
      },
    },
    (request, reply) => answer(request.query, request.query.account_id ?? null, reply),
  );
  app.get(
    '/api/me/usage',
    {
      onRequest: requireOwner(auth),
      schema: {
        tags: [ownTag],
        operationId: 'getOwnUsage',
        summary: "What the key's own account asked and what it cost",
        querystring: ownUsageQuery,
        response,
      },
    },
    (request, reply) => answer(request.query, callerOf(request.facts).account.id, reply),
  );

  app.get(
    '/api/usage/reconcile',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags: ['usage'],
        operationId: 'reconcileUsage',
        summary: 'Billed lengths beside probed, decoded and vendor-reported ones, by provider and model',
        querystring: reconcileQuery,
        response: { 200: listOf(reconcileRowBody), '4xx': errorBody, '5xx': errorBody },
      },
    },
    async ({ query }) => {
      const toleranceMs = Math.round(query.tolerance_seconds * 1000);
      return wholeList(await usage.reconcile({ ...spanOf(query), toleranceMs }), reconcileRowToWire);
    },
  );

  async function answer(query: z.infer<typeof ownUsageQuery>, accountId: string | null, reply: FastifyReply) {
    const ask = askOf(query, accountId);
    if (query.format === 'json') return reply.send(listBody(await usage.sum(ask, pageAsk(query)), usageToWire));
    // The first rows are read before the answer begins, so that a failure is still an error and no broken file.
    const first = await usage.sum(ask, { limit: exportPageSize, cursor: null });
    const text = async function* () {
      yield csvHead(ask.groupBy);
      for (let page = first; ; page = await usage.sum(ask, { limit: exportPageSize, cursor: page.nextCursor })) {
        yield csvRows(ask.groupBy, page.items);
        if (page.nextCursor === null) return;
      }
    };
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="usage.csv"')
      .send(Readable.from(text()));
  }
}

/** Throws GatewayError `invalid_value` (`from`). */
function spanOf({ from, to }: { readonly from?: Date | undefined; readonly to?: Date | undefined }) {
  const toMs = to?.getTime() ?? Date.now();
  const fromMs = from?.getTime() ?? toMs - defaultSpanMs;
  if (fromMs >= toMs) throw new GatewayError('invalid_value', 'from must be before to.', { param: 'from' });
  return { fromMs, toMs };
}

function askOf(query: z.infer<typeof ownUsageQuery>, accountId: string | null): UsageAsk {
  return {
    ...spanOf(query),
    accountId,
    keyId: query.key_id ?? null,
    model: query.model ?? null,
    provider: query.provider ?? null,
    groupBy: [...new Set(query.group_by)],
  };
}
