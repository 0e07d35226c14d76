import { GatewayError } from '../core/errors.ts';

const timeoutCodes: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** Codes of sockets and resolvers that mean that no connection came about: nothing was sent. */
const unreachableCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/**
 * Whatever a connection failed with, as the error that other rooms know. Addresses and headers stay out of the message.
 * `before-answer`: not a byte of the reply had come, so that asking again cannot pay twice for one answer.
 */
export function failureOf(
  thrown: unknown,
  signal: AbortSignal,
  moment: 'before-answer' | 'within-answer' = 'within-answer',
): GatewayError {
  if (signal.aborted) return abortFailure(signal);
  if (thrown instanceof GatewayError) return thrown;
  const code = codeOf(thrown);
  if (timeoutCodes.has(code)) {
    return new GatewayError('timeout', 'The provider did not answer in time.', { origin: 'provider', cause: thrown });
  }
  const message = unreachableCodes.has(code)
    ? 'The provider cannot be reached.'
    : 'The connection to the provider broke.';
  return new GatewayError('bad_gateway', message, {
    origin: 'provider',
    transient: moment === 'before-answer',
    cause: thrown,
  });
}

/** Why a signal was aborted: a deadline, or a caller who left. */
export function abortFailure(signal: AbortSignal): GatewayError {
  const reason: unknown = signal.reason;
  if (reason instanceof GatewayError) return reason;
  return reason instanceof DOMException && reason.name === 'TimeoutError'
    ? new GatewayError('timeout', 'The provider did not answer before the deadline.', { cause: reason })
    : new GatewayError('client_closed_request', 'The caller hung up before the answer was complete.', {
        cause: reason,
      });
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}
