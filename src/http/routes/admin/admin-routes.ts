import type { FastifyInstance } from 'fastify';
import type { HttpParts } from '../../http-parts.ts';
import { accountRoutes } from './account-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { planRoutes } from './plan-routes.ts';
import { providerKeyRoutes } from './provider-key-routes.ts';
import { providerRoutes } from './provider-routes.ts';
import { requestRoutes } from './request-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { usageRoutes } from './usage-routes.ts';
import { walletRoutes } from './wallet-routes.ts';

const resources = [
  accountRoutes,
  keyRoutes,
  tokenRoutes,
  walletRoutes,
  usageRoutes,
  requestRoutes,
  providerKeyRoutes,
  providerRoutes,
  planRoutes,
  auditRoutes,
];

/** Everything of accounts, keys and money; nothing where the gateway has no accounts. */
export function adminRoutes(app: FastifyInstance, { auth, accounts }: HttpParts): void {
  if (!accounts) return;
  for (const routes of resources) routes(app, auth, accounts);
}
