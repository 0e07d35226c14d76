import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { noComplaint, type VendorComplaint } from '../support/vendor-failure.ts';

/** Deepgram's two shapes of an error body; the third is bare text. */
const complaintSchema = z.union([
  z.object({ err_code: z.string(), err_msg: z.string().nullish() }),
  z.object({ category: z.string(), message: z.string().nullish(), details: z.string().nullish() }),
]);

/** Codes for a query or JSON that is wrong in itself: callers do not write them, we do. */
const ourCodes: ReadonlySet<string> = new Set(['INVALID_QUERY_PARAMETER', 'INVALID_JSON']);

/** Reads `{err_code, err_msg}`, `{category, message, details}` or bare text. */
export function readDeepgramComplaint(body: unknown): VendorComplaint {
  if (typeof body === 'string') return { ...noComplaint, message: body };
  const parsed = complaintSchema.safeParse(body);
  if (!parsed.success) return noComplaint;
  const code = 'err_code' in parsed.data ? parsed.data.err_code : parsed.data.category;
  const message = 'err_code' in parsed.data ? parsed.data.err_msg : (parsed.data.details ?? parsed.data.message);
  return { message: message ?? null, code, param: null, isOurs: ourCodes.has(code) };
}

/** Flux's codes for a stream that it cannot take; every other code is trouble of its own. */
const refusedStreamCodes: ReadonlySet<string> = new Set(['DATA-0000', 'UNPARSABLE_CLIENT_MESSAGE']);

/** A fatal `Error` message of a Flux stream, by its code. Its description may quote what was sent, so it is not shown. */
export function fluxFailure(code: string): GatewayError {
  return refusedStreamCodes.has(code)
    ? new GatewayError('bad_gateway', 'The provider refused the stream of sound.', { origin: 'provider' })
    : new GatewayError('service_unavailable', 'The provider ended the stream with an error.', { origin: 'provider' });
}

/** WebSocket close codes (RFC 6455, 7.4.1) of a stream that ended before its time. */
export function closeFailure(code: number): GatewayError {
  const details = { origin: 'provider' } as const;
  if (code === 1008) return new GatewayError('bad_gateway', 'The provider refused the stream of sound.', details);
  if (code === 1011 || code === 1012 || code === 1013) {
    return new GatewayError('service_unavailable', 'The provider ended the stream early.', details);
  }
  return new GatewayError('bad_gateway', 'The connection to the provider broke.', details);
}
