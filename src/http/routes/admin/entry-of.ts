import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from '../../../core/audit-entry.ts';

export type Act = Pick<AuditEntry, 'action' | 'accountId' | 'target' | 'details'>;

/** The audit entry of an act: who asked for it, and in which request. `details` never has a secret. */
export function entryOf({ id, facts }: Pick<FastifyRequest, 'id' | 'facts'>, act: Act): AuditEntry {
  return { ...act, actorKeyId: facts.principal?.keyId ?? null, requestId: id };
}
