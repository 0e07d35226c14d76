import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { Caller } from '../../../auth/key-directory.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { AdminParts } from '../../admin-parts.ts';
import type { RequestFacts } from '../../request-facts.ts';
import { requireKey } from '../../require-key.ts';
import { opaqueId } from './wire/fields.ts';

/** One of the two addresses at which an account is read: anybody's by an admin, the key's own by its owner. */
export interface AccountPlace {
  readonly prefix: '/api/accounts/:id' | '/api/me';
  readonly onRequest: onRequestAsyncHookHandler;
  readonly params: z.ZodType<{ readonly id?: string | undefined }>;
  readonly tags: readonly string[];
  /** `getWallet` → `getOwnWallet` */
  operationId(name: string): string;
  /** Rejects with GatewayError `not_found` (`id`). */
  accountId(request: AccountRequest): Promise<string>;
}

interface AccountRequest extends Pick<FastifyRequest, 'facts'> {
  readonly params: { readonly id?: string | undefined };
}

export const ownTag = 'own account';

export function accountPlaces(auth: Authenticator, { accounts }: AdminParts, tag: string): readonly AccountPlace[] {
  return [
    {
      prefix: '/api/accounts/:id',
      onRequest: requireAdmin(auth),
      params: z.object({ id: opaqueId }),
      tags: [tag],
      operationId: (name) => name,
      async accountId({ params: { id = '' } }) {
        await accountExists(accounts, id);
        return id;
      },
    },
    {
      prefix: '/api/me',
      onRequest: requireOwner(auth),
      params: z.object({}),
      tags: [ownTag],
      operationId: (name) => name.replace(/^[a-z]+/, (verb) => `${verb}Own`),
      accountId: async ({ facts }) => callerOf(facts).account.id,
    },
  ];
}

/** Hook for the operator. */
export function requireAdmin(auth: Authenticator): onRequestAsyncHookHandler {
  return requireKey(auth, 'admin');
}

/** Hook for what a key may know of its own account. A browser token may not: it lies open in a web page. */
export function requireOwner(auth: Authenticator): onRequestAsyncHookHandler {
  const letIn = requireKey(auth);
  return async function owner(request, reply) {
    await letIn.call(this, request, reply);
    callerOf(request.facts);
  };
}

/** Who asks. Throws GatewayError `permission_denied` for a browser token. */
export function callerOf({ principal }: RequestFacts): Caller {
  if (!principal) throw new GatewayError('invalid_api_key', 'No API key was sent.');
  if (principal.isToken) {
    throw new GatewayError('permission_denied', 'A browser token opens live sockets and nothing else.');
  }
  return principal;
}

/** Rejects with GatewayError `not_found` (`id`). */
export async function accountExists(accounts: AdminParts['accounts'], id: string): Promise<void> {
  if ((await accounts.find(id)) === null) throw noSuch('account', 'id');
}

export function noSuch(what: string, param: string): GatewayError {
  return new GatewayError('not_found', `There is no such ${what}.`, { param });
}

/** Says which field names what was not found: stores do not know how it is called here. */
export function naming(param: string): (thrown: unknown) => never {
  return (thrown) => {
    if (!(thrown instanceof GatewayError) || thrown.code !== 'not_found') throw thrown;
    throw new GatewayError('not_found', thrown.message, { param, cause: thrown });
  };
}
