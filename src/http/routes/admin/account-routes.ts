import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { callerOf, noSuch, ownTag, requireAdmin, requireOwner } from './account-place.ts';
import { entryOf } from './entry-of.ts';
import { accountBody, accountChange, accountToWire, newAccount } from './wire/account-wire.ts';
import { opaqueId } from './wire/fields.ts';
import { listBody, listOf, pageAsk, pageQuery } from './wire/lists.ts';

/** `/api/accounts` and `/api/me`. */
export function accountRoutes(fastify: FastifyInstance, auth: Authenticator, parts: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const { accounts } = parts;
  const onRequest = requireAdmin(auth);
  const tags = ['accounts'];
  const failures = { '4xx': errorBody, '5xx': errorBody };
  const params = z.object({ id: opaqueId });

  app.post(
    '/api/accounts',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'createAccount',
        summary: 'A new account with an empty wallet',
        body: newAccount,
        response: { 201: accountBody, ...failures },
      },
    },
    async (request, reply) => {
      const { name, plan } = request.body;
      const account = await accounts.create({ name, planId: plan }, ({ id }) =>
        entryOf(request, { action: 'account.create', accountId: id, target: id, details: { name, plan } }),
      );
      return reply.code(201).send(accountToWire(account));
    },
  );
  app.get(
    '/api/accounts',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'listAccounts',
        summary: 'All accounts, newest first',
        querystring: pageQuery,
        response: { 200: listOf(accountBody), ...failures },
      },
    },
    async (request) => listBody(await accounts.list(pageAsk(request.query)), accountToWire),
  );
  app.get(
    '/api/accounts/:id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'getAccount',
        summary: 'One account',
        params,
        response: { 200: accountBody, ...failures },
      },
    },
    async (request) => accountToWire(await found(request.params.id)),
  );
  app.patch(
    '/api/accounts/:id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'updateAccount',
        summary: 'Rename an account, give it another plan, suspend it or let it work again',
        description:
          'What is left out stays as it is. Keys of a suspended account are refused at once, on every replica.',
        params,
        body: accountChange,
        response: { 200: accountBody, ...failures },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { name, plan, status } = request.body;
      await found(id);
      if (status === 'suspended' && callerOf(request.facts).account.id === id) {
        // Nobody could undo it: the key that asks would be refused from then on.
        throw new GatewayError('conflict', 'A key cannot suspend its own account.', { param: 'status' });
      }
      const change = { ...(name !== undefined && { name }), ...(status !== undefined && { status }) };
      const account = await accounts.update(id, { ...change, ...(plan !== undefined && { planId: plan }) }, () =>
        entryOf(request, {
          action: 'account.update',
          accountId: id,
          target: id,
          details: { ...change, ...(plan !== undefined && { plan }) },
        }),
      );
      return accountToWire(account);
    },
  );
  app.get(
    '/api/me',
    {
      onRequest: requireOwner(auth),
      schema: {
        tags: [ownTag],
        operationId: 'getOwnAccount',
        summary: "The key's own account",
        response: { 200: accountBody, ...failures },
      },
    },
    async (request) => accountToWire(await found(callerOf(request.facts).account.id)),
  );

  async function found(id: string) {
    const account = await accounts.find(id);
    if (!account) throw noSuch('account', 'id');
    return account;
  }
}
