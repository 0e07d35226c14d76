import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from '../../../auth/audit-log.ts';
import type { AdminParts } from '../../admin-parts.ts';

export type Act = Pick<AuditEntry, 'action' | 'accountId' | 'target' | 'details'>;

/**
 * Writes down who did it. It is awaited before the reply: an act that cannot be written down is answered as a failure,
 * and repeating it is right. `details` never has a secret.
 */
export async function noteAct(
  { audit }: Pick<AdminParts, 'audit'>,
  request: Pick<FastifyRequest, 'id' | 'facts'>,
  act: Act,
): Promise<void> {
  await audit.write({ ...act, actorKeyId: request.facts.principal?.keyId ?? null, requestId: request.id });
}
