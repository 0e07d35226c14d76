import { z } from 'zod';
import type { Account } from '../../../../auth/account-store.ts';
import { momentOut, opaqueId, text } from './fields.ts';

export const accountBody = z
  .object({
    id: opaqueId,
    name: z.string(),
    plan: z.string().describe('Id of its plan.'),
    status: z.enum(['active', 'suspended']),
    created_at: momentOut,
  })
  .meta({ id: 'Account' });

/** Ids of plans; the three that ship with the product are `free`, `payg` and `unlimited`. */
export const planId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'It must be lower-case letters, digits, - and _, at most 64.');

export const newAccount = z
  .strictObject({ name: text(), plan: planId.default('payg').describe('Id of a plan.') })
  .meta({ example: { name: 'Acme', plan: 'payg' } });

export const accountChange = z
  .strictObject({
    name: text().optional(),
    plan: planId.optional(),
    status: z.enum(['active', 'suspended']).optional(),
  })
  .meta({ example: { status: 'suspended' } });

export function accountToWire(account: Account): z.infer<typeof accountBody> {
  return {
    id: account.id,
    name: account.name,
    plan: account.planId,
    status: account.status,
    created_at: account.createdAt.toISOString(),
  };
}
