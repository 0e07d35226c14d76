import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import { GatewayError } from '../../../core/errors.ts';
import { Secret } from '../../../core/secret.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { accountExists, accountPlaces, noSuch, requireAdmin } from './account-place.ts';
import { entryOf } from './entry-of.ts';
import { opaqueId } from './wire/fields.ts';
import { listOf, wholeList } from './wire/lists.ts';
import {
  newProviderKey,
  providerId,
  providerKeyBody,
  providerKeyTestBody,
  providerKeyTestToWire,
  providerKeyToWire,
} from './wire/provider-key-wire.ts';

const tag = 'vendor keys';

/** `/api/accounts/{id}/provider-keys`: an account's own keys for vendors. The keys themselves go in and never out. */
export function providerKeyRoutes(fastify: FastifyInstance, auth: Authenticator, parts: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const { accounts, providerKeys } = parts;
  const onRequest = requireAdmin(auth);
  const params = z.object({ id: opaqueId, provider: providerId });
  const failures = { '4xx': errorBody, '5xx': errorBody };
  const tags = [tag];

  app.put(
    '/api/accounts/:id/provider-keys/:provider',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'setProviderKey',
        summary: "Set or replace an account's own key for a vendor",
        description: 'Requests of the account that go to this vendor are sent with it, without our price on top.',
        params,
        body: newProviderKey,
        response: { 200: providerKeyBody, ...failures },
      },
    },
    async (request) => {
      const { id, provider } = request.params;
      await accountExists(accounts, id);
      if (!parts.takesKeysFor(provider)) {
        throw new GatewayError('not_found', 'This server knows no provider of this id that takes keys.', {
          param: 'provider',
        });
      }
      const { api_key, base_url = null } = request.body;
      const key = await providerKeys.put(id, provider, new Secret(api_key), base_url, ({ last4 }) =>
        entryOf(request, { action: 'provider_key.set', accountId: id, target: provider, details: { last4 } }),
      );
      return providerKeyToWire(key);
    },
  );
  for (const place of accountPlaces(auth, parts, tag)) {
    app.get(
      `${place.prefix}/provider-keys`,
      {
        onRequest: place.onRequest,
        schema: {
          tags: place.tags,
          operationId: place.operationId('listProviderKeys'),
          summary: 'For which vendors the account has keys of its own, and whether they work',
          params: place.params,
          response: { 200: listOf(providerKeyBody), ...failures },
        },
      },
      async (request) => wholeList(await providerKeys.list(await place.accountId(request)), providerKeyToWire),
    );
  }
  app.delete(
    '/api/accounts/:id/provider-keys/:provider',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'deleteProviderKey',
        summary: "Forget an account's key for a vendor",
        params,
        response: { 204: z.null().describe('It is gone.'), ...failures },
      },
    },
    async (request, reply) => {
      const { id, provider } = request.params;
      await known(id, provider);
      await providerKeys.remove(id, provider, () =>
        entryOf(request, { action: 'provider_key.remove', accountId: id, target: provider, details: {} }),
      );
      return reply.code(204).send(null);
    },
  );
  app.post(
    '/api/accounts/:id/provider-keys/:provider/test',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'testProviderKey',
        summary: 'Ask the vendor whether the key works, with a call that costs next to nothing',
        params,
        response: { 200: providerKeyTestBody, ...failures },
      },
    },
    async (request, reply) => {
      const { id, provider } = request.params;
      await known(id, provider);
      const hangUp = new AbortController();
      reply.raw.once('close', () => hangUp.abort());
      await parts.audit.write(
        entryOf(request, { action: 'provider_key.test', accountId: id, target: provider, details: {} }),
      );
      return providerKeyTestToWire(await parts.testProviderKey(id, provider, hangUp.signal));
    },
  );

  async function known(id: string, provider: string): Promise<void> {
    await accountExists(accounts, id);
    const keys = await providerKeys.list(id);
    if (!keys.some((key) => key.provider === provider)) throw noSuch('key of this account', 'provider');
  }
}
