import type { onRequestAsyncHookHandler } from 'fastify';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Scope } from '../auth/scopes.ts';
import { GatewayError } from '../core/errors.ts';

/** Hook that lets a request in only with a known key, before any of its body is read. */
export function requireKey(auth: Authenticator, scope: Scope | null = null): onRequestAsyncHookHandler {
  return async (request) => {
    const principal = await auth.authenticate({ headers: request.headers, url: request.raw.url ?? '' });
    request.facts.principal = principal;
    if (scope !== null && !principal.scopes.includes(scope)) {
      throw new GatewayError('permission_denied', `This address needs a key with the scope '${scope}'.`);
    }
  };
}
