import { z } from 'zod';
import type { KeptAuditEntry } from '../../../../auth/audit-log.ts';
import { momentOut, opaqueId } from './fields.ts';
import { pageQuery } from './lists.ts';

export const auditQuery = z.strictObject({ ...pageQuery.shape, account_id: opaqueId.optional() });

export const auditEntryBody = z
  .object({
    id: opaqueId,
    at: momentOut,
    actor_key_id: z
      .string()
      .nullable()
      .describe('Key that acted; null: the settings, the key file or the command line on the server.'),
    action: z.string().describe('Noun and verb, such as `key.revoke`.'),
    account_id: z.string().nullable(),
    target: z.string().nullable().describe('What was acted on.'),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]))
      .describe('Never a secret.'),
    request_id: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });

export function auditEntryToWire(entry: KeptAuditEntry): z.infer<typeof auditEntryBody> {
  const details = Object.entries(entry.details).map(([name, value]) => [name, isList(value) ? [...value] : value]);
  return {
    id: entry.id,
    at: entry.at.toISOString(),
    actor_key_id: entry.actorKeyId,
    action: entry.action,
    account_id: entry.accountId,
    target: entry.target,
    details: Object.fromEntries(details),
    request_id: entry.requestId,
  };
}

function isList(value: KeptAuditEntry['details'][string]): value is readonly string[] {
  return Array.isArray(value);
}
