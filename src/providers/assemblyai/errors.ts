import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { noComplaint, type VendorComplaint } from '../support/vendor-failure.ts';

const complaintSchema = z.object({ error: z.string() });

/** Reads `{error}`: words for people, and no code. */
export function readAssemblyAiComplaint(body: unknown): VendorComplaint {
  const parsed = complaintSchema.safeParse(body);
  return parsed.success ? { ...noComplaint, message: parsed.data.error } : noComplaint;
}

/**
 * A job that ended in `error`. AssemblyAI gives words and no code, so that its own trouble, a language that it could not
 * find out and sound that it could not read look the same; we have read the recording, so another provider may do better.
 */
export function jobFailure(): GatewayError {
  return new GatewayError('bad_gateway', 'The provider could not transcribe the recording.', { origin: 'provider' });
}

export function jobTooSlow(): GatewayError {
  return new GatewayError('timeout', 'The provider did not finish the transcript in time.', { origin: 'provider' });
}
