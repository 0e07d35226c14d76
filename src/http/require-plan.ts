import type { onRequestAsyncHookHandler } from 'fastify';
import type { Caller } from '../auth/key-directory.ts';
import { GatewayError } from '../core/errors.ts';

/** Hook after `requireKey`: refuses who may not transcribe at all, before any of the body is read. */
export const requirePlan: onRequestAsyncHookHandler = async ({ facts }) => {
  if (facts.principal?.plan.transcription !== false) return;
  throw new GatewayError('premium_locked', 'The plan of this account has no transcription. Ask its operator for one.');
};

/** The smaller of what the server and the caller's plan take, in bytes. */
export function uploadCeiling(caller: Caller | null, maxUploadBytes: number): number {
  return Math.min(maxUploadBytes, caller?.plan.maxUploadBytes ?? maxUploadBytes);
}
