import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { accountExists, callerOf, noSuch, requireAdmin, requireOwner } from './account-place.ts';
import { entryOf } from './entry-of.ts';
import { opaqueId } from './wire/fields.ts';
import { grantBody, newToken, tokenBody } from './wire/token-wire.ts';

/** Browser tokens: minted by an admin for any key, or by a key for itself under the name that Deepgram's clients call. */
export function tokenRoutes(fastify: FastifyInstance, auth: Authenticator, parts: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const { accounts, keys } = parts;
  const failures = { '4xx': errorBody, '5xx': errorBody };
  const tags = ['keys'];

  app.post(
    '/api/accounts/:id/keys/:key_id/tokens',
    {
      onRequest: requireAdmin(auth),
      schema: {
        tags,
        operationId: 'createToken',
        summary: 'A short-lived token of a key, with which a web page opens live sockets',
        params: z.object({ id: opaqueId, key_id: opaqueId }),
        body: newToken,
        response: { 201: tokenBody, ...failures },
      },
    },
    async (request, reply) => {
      const { id, key_id } = request.params;
      const { ttl_seconds: ttlSeconds } = request.body;
      await accountExists(accounts, id);
      const key = await keys.find(id, key_id);
      if (!key || key.revokedAt) throw noSuch('key', 'key_id');
      if (!key.scopes.includes('live')) {
        throw new GatewayError('conflict', 'Tokens open live sockets, and this key lacks the scope live.', {
          param: 'key_id',
        });
      }
      const { token, expiresAt } = await keys.mintToken(id, key_id, ttlSeconds, () =>
        entryOf(request, {
          action: 'token.create',
          accountId: id,
          target: key_id,
          details: { ttl_seconds: ttlSeconds },
        }),
      );
      return reply.code(201).header('cache-control', 'no-store').send({ token, expires_at: expiresAt.toISOString() });
    },
  );
  app.post(
    '/v1/auth/grant',
    {
      onRequest: requireOwner(auth),
      schema: {
        tags,
        operationId: 'grantToken',
        summary: 'A browser token of the key that asks; it needs the scope live',
        body: newToken,
        response: { 200: grantBody, ...failures },
      },
    },
    async (request, reply) => {
      const { keyId, account, scopes } = callerOf(request.facts);
      if (!scopes.includes('live')) {
        throw new GatewayError('permission_denied', "This address needs a key with the scope 'live'.");
      }
      const { ttl_seconds: ttlSeconds } = request.body;
      const { token, expiresAt } = await keys.mintToken(account.id, keyId, ttlSeconds);
      // Shorter where the key itself ends sooner.
      const expiresIn = Math.max(0, Math.round((expiresAt.getTime() - Date.now()) / 1000));
      return reply
        .header('cache-control', 'no-store')
        .send({ access_token: token, expires_in: expiresIn, token, expires_at: expiresAt.toISOString() });
    },
  );
}
