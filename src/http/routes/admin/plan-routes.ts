import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { AdminParts } from '../../admin-parts.ts';
import { errorBody } from '../../wire-schemas.ts';
import { noSuch, requireAdmin } from './account-place.ts';
import { entryOf } from './entry-of.ts';
import { planId } from './wire/account-wire.ts';
import { listOf, wholeList } from './wire/lists.ts';
import { newPlan, planBody, planChange, planChangeOf, planOf, planToWire } from './wire/plan-wire.ts';

/** `/api/plans`: what accounts may do, how they pay, and at which prices. */
export function planRoutes(fastify: FastifyInstance, auth: Authenticator, parts: AdminParts): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>();
  const { plans } = parts;
  const onRequest = requireAdmin(auth);
  const tags = ['accounts'];
  const params = z.object({ id: planId });
  const failures = { '4xx': errorBody, '5xx': errorBody };

  app.get(
    '/api/plans',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'listPlans',
        summary: 'All plans, by id; at most a thousand',
        response: { 200: listOf(planBody), ...failures },
      },
    },
    async () => wholeList(await plans.list(), planToWire),
  );
  app.get(
    '/api/plans/:id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'getPlan',
        summary: 'One plan',
        params,
        response: { 200: planBody, ...failures },
      },
    },
    async (request) => {
      const plan = await plans.find(request.params.id);
      if (!plan) throw noSuch('plan', 'id');
      return planToWire(plan);
    },
  );
  app.post(
    '/api/plans',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'createPlan',
        summary: 'A plan of your own',
        body: newPlan,
        response: { 201: planBody, ...failures },
      },
    },
    async (request, reply) => {
      const plan = await plans.create(planOf(request.body), ({ id, name, billing }) =>
        entryOf(request, { action: 'plan.create', accountId: null, target: id, details: { name, billing } }),
      );
      return reply.code(201).send(planToWire(plan));
    },
  );
  app.patch(
    '/api/plans/:id',
    {
      onRequest,
      schema: {
        tags,
        operationId: 'updatePlan',
        summary: 'Change a plan, a built-in one too; it counts at once for all accounts that have it',
        description: 'What is left out stays as it is; null takes a limit away; prices are replaced together.',
        params,
        body: planChange,
        response: { 200: planBody, ...failures },
      },
    },
    async (request) => {
      const { id } = request.params;
      if ((await plans.find(id)) === null) throw noSuch('plan', 'id');
      const plan = await plans.update(id, planChangeOf(request.body), () =>
        entryOf(request, {
          action: 'plan.update',
          accountId: null,
          target: id,
          details: { changed: Object.keys(request.body) },
        }),
      );
      return planToWire(plan);
    },
  );
}
