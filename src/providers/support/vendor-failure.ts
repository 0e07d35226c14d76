import { type ErrorCode, type ErrorDetails, GatewayError } from '../../core/errors.ts';
import type { OutboundReply } from '../../net/guarded-fetch.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** What a vendor's error body says, read by the adapter out of the vendor's own shape. */
export interface VendorComplaint {
  /** For people; null: it says nothing. */
  readonly message: string | null;
  /** The vendor's own code, such as `insufficient_quota`. */
  readonly code: string | null;
  /** The request field that it blames, in our wire's spelling; null: none, or one that callers do not have. */
  readonly param: string | null;
  /**
   * True when it blames something that the adapter or the operator's settings chose (the response format, the model's
   * name): then another provider can cure it, and the caller is not at fault.
   */
  readonly isOurs: boolean;
  /** When the vendor wants to be asked again, where its body says so and no header does. Whole seconds. */
  readonly retryAfterSeconds?: number | null;
}

export const noComplaint: VendorComplaint = { message: null, code: null, param: null, isOurs: false };

/** Vendors' codes for an account that is not paid for: waiting does not help, another provider does. */
const unpaidCodes: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'quota_exceeded',
  'insufficient_credits',
]);

/** Longest piece of a vendor's message that is handed on. */
const longestMessage = 300;

/**
 * A reply that is no success as a GatewayError, by status and code alone. The body is read here. `secrets` (the key) are
 * taken out of the vendor's words, which reach the caller only where the caller's own input is to blame.
 */
export async function readVendorFailure(
  reply: OutboundReply,
  readComplaint: (body: unknown) => VendorComplaint,
  secrets: readonly string[],
): Promise<GatewayError> {
  const text = await reply.text();
  const complaint = readComplaint(parsedOrText(text));
  const waitSeconds = retryAfterSeconds(reply) ?? complaint.retryAfterSeconds ?? null;
  return vendorFailure(reply.status, complaint, { secrets, retryAfterSeconds: waitSeconds });
}

/** The table: what each status of a vendor means for the request. Exported for vendors that report failures in a 200. */
export function vendorFailure(
  status: number,
  complaint: VendorComplaint,
  more: { readonly secrets: readonly string[]; readonly retryAfterSeconds?: number | null },
): GatewayError {
  const details: ErrorDetails = { origin: 'provider' };
  const busy: ErrorDetails = {
    ...details,
    transient: true,
    ...(more.retryAfterSeconds && { retryAfterSeconds: more.retryAfterSeconds }),
  };
  const fail = (code: ErrorCode, message: string, how: ErrorDetails = details) => new GatewayError(code, message, how);
  if (status === 401 || status === 402 || status === 403 || (complaint.code && unpaidCodes.has(complaint.code))) {
    return fail('provider_key_refused', 'The provider refused the key that it was given, or the account behind it.');
  }
  if (status === 429 || status === 409)
    return fail('service_unavailable', 'The provider takes no more requests now.', busy);
  if (status === 503 || status === 529) return fail('service_unavailable', 'The provider is not available now.', busy);
  if (status === 408 || status === 504 || status === 524) return fail('timeout', 'The provider took too long.', busy);
  if (status === 413)
    return fail('payload_too_large', 'The provider does not take uploads of this size.', { ...details, param: 'file' });
  if (status === 415)
    return fail('unsupported_audio', 'The provider does not take this type of file.', { ...details, param: 'file' });
  if ((status === 400 || status === 422) && !complaint.isOurs) {
    const words = presentable(complaint.message, more.secrets);
    return fail(
      'invalid_value',
      words ? `The provider refused the request: ${words}` : 'The provider refused the request.',
      {
        ...details,
        ...(complaint.param !== null && { param: complaint.param }),
      },
    );
  }
  if (status === 404) return fail('bad_gateway', 'The provider does not have this model at its address.');
  if (status >= 400 && status < 500) return fail('bad_gateway', 'The provider refused a request that should be right.');
  if (status >= 300 && status < 400)
    return fail('bad_gateway', 'The provider answered with a redirect, which is not followed.');
  return fail('bad_gateway', 'The provider failed.', busy);
}

/** For answers that are a success by their status and nonsense by their content. */
export function nonsense(what: string, cause?: unknown): GatewayError {
  return new GatewayError('bad_gateway', `The provider's answer ${what}.`, { origin: 'provider', cause });
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return text;
    throw thrown;
  }
}

/** One line without control characters and without secrets; null when nothing is left. */
function presentable(message: string | null, secrets: readonly string[]): string | null {
  if (message === null) return null;
  let text = message;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[key]');
  text = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  if (text === '') return null;
  return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
}
