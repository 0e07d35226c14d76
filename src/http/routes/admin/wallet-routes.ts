import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import { formatDollars } from '../../../core/money.ts';
import type { Credit } from '../../../metering/ledger.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { accountExists, accountPlaces, naming, requireAdmin } from './account-place.ts';
import { type Act, entryOf } from './entry-of.ts';
import { opaqueId } from './wire/fields.ts';
import { listBody, listOf, pageAsk, pageQuery } from './wire/lists.ts';
import {
  creditBody,
  creditToWire,
  entryToWire,
  ledgerEntryBody,
  newGrant,
  newRefund,
  newTopUp,
  walletBody,
  walletToWire,
} from './wire/wallet-wire.ts';

const tag = 'money';

/** `/api/accounts/{id}/wallet`, what moves money into it, and its ledger. */
export function walletRoutes(fastify: FastifyInstance, auth: Authenticator, parts: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const { accounts, ledger } = parts;
  const onRequest = requireAdmin(auth);
  const params = z.object({ id: opaqueId });
  const failures = { '4xx': errorBody, '5xx': errorBody };
  const common = { tags: [tag], params, response: { 201: creditBody, ...failures } };

  for (const place of accountPlaces(auth, parts, tag)) {
    app.get(
      `${place.prefix}/wallet`,
      {
        onRequest: place.onRequest,
        schema: {
          tags: place.tags,
          operationId: place.operationId('getWallet'),
          summary: 'What the account has, and what of it is held for requests in work',
          params: place.params,
          response: { 200: walletBody, ...failures },
        },
      },
      async (request) => walletToWire(await ledger.wallet(await place.accountId(request))),
    );
    app.get(
      `${place.prefix}/ledger`,
      {
        onRequest: place.onRequest,
        schema: {
          tags: place.tags,
          operationId: place.operationId('listLedger'),
          summary: "The wallet's posted entries, newest first; they sum up to the balance",
          params: place.params,
          querystring: pageQuery,
          response: { 200: listOf(ledgerEntryBody), ...failures },
        },
      },
      async (request) =>
        listBody(await ledger.entries(await place.accountId(request), pageAsk(request.query)), entryToWire),
    );
  }

  app.post(
    '/api/accounts/:id/wallet/topups',
    {
      onRequest,
      schema: {
        ...common,
        operationId: 'topUpWallet',
        summary: "Credit what a customer paid for; the operator's fee comes on top of it",
        body: newTopUp,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await accountExists(accounts, id);
      const { amount_usd: amountNanos, reference = null, memo = null } = request.body;
      const { topUpFeeBasisPoints: feeBasisPoints } = parts;
      const ask = { accountId: id, amountNanos, reference, memo, feeBasisPoints };
      const topUp = await ledger.topUp(ask, ({ creditedNanos, feeNanos, repeated }) =>
        entryOf(request, {
          action: 'wallet.topup',
          accountId: id,
          target: reference,
          details: { amount_usd: formatDollars(creditedNanos), fee_usd: formatDollars(feeNanos), repeated },
        }),
      );
      return reply.code(201).send(creditToWire(topUp));
    },
  );
  app.post(
    '/api/accounts/:id/wallet/grants',
    {
      onRequest,
      schema: {
        ...common,
        operationId: 'grantCredit',
        summary: "Credit at the operator's cost, without a fee",
        body: newGrant,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await accountExists(accounts, id);
      const { amount_usd: amountNanos, reference = null, memo = null } = request.body;
      const grant = await ledger.grant({ accountId: id, amountNanos, reference, memo }, (credit) =>
        entryOf(request, creditAct('wallet.grant', id, reference, credit)),
      );
      return reply.code(201).send(creditToWire(grant));
    },
  );
  app.post(
    '/api/accounts/:id/wallet/refunds',
    {
      onRequest,
      schema: {
        ...common,
        operationId: 'refundRequest',
        summary: 'Give back all that a request cost, once',
        body: newRefund,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await accountExists(accounts, id);
      const { request_id: requestId, reason = null } = request.body;
      const refund = await ledger
        .refund({ accountId: id, requestId, reason }, (credit) =>
          entryOf(request, creditAct('wallet.refund', id, requestId, credit)),
        )
        .catch(naming('request_id'));
      return reply.code(201).send(creditToWire(refund));
    },
  );
}

function creditAct(action: string, accountId: string, target: string | null, credit: Credit): Act {
  const { creditedNanos, repeated } = credit;
  return { action, accountId, target, details: { amount_usd: formatDollars(creditedNanos), repeated } };
}
