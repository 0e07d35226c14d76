import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { retryAfterSeconds } from '../support/retry-after.ts';
import { noComplaint, nonsense, type VendorComplaint, vendorFailure } from '../support/vendor-failure.ts';

/** What `APICallError` (`@ai-sdk/provider`) carries, as far as it is read. */
const callErrorSchema = z.object({
  statusCode: z.number().optional().catch(undefined),
  isRetryable: z.boolean().catch(false),
  responseBody: z.string().optional().catch(undefined),
  responseHeaders: z.record(z.string(), z.string()).optional().catch(undefined),
});

/** Statuses that blame the caller's input, unless the package itself says that trying again may help. */
const callersStatuses: ReadonlySet<number> = new Set([400, 413, 415, 422]);

const words = z.string().nullish().catch(null);
const named = z.object({ message: words, param: words });
const complaintSchema = z.looseObject({ error: z.unknown(), message: words, detail: words });

/**
 * Whatever a model rejected with. `fault` is what our own `fetch` failed with, if it did: it says more than what the
 * package made of it. Errors of the AI SDK are told by their symbols, which hold across versions and copies; messages are
 * never read. The package's error itself is not kept as a cause: it carries the request, its headers, and the reply.
 */
export function bridgeFailure(thrown: unknown, fault: GatewayError | null, secrets: readonly string[]): GatewayError {
  if (fault) return fault;
  if (thrown instanceof GatewayError) return thrown;
  if (isMarked(thrown, 'AI_LoadAPIKeyError')) {
    return new GatewayError('provider_key_refused', 'The provider has no key here.', { cause: nameOf(thrown) });
  }
  const call = isMarked(thrown, 'AI_APICallError') ? callErrorSchema.safeParse(thrown) : null;
  if (!call?.success || call.data.statusCode === undefined) {
    return new GatewayError('bad_gateway', 'The provider could not transcribe the recording.', {
      origin: 'provider',
      cause: nameOf(thrown),
    });
  }
  const { statusCode, isRetryable, responseBody = '', responseHeaders = {} } = call.data;
  if (statusCode < 300) return nonsense('has an unknown shape', nameOf(thrown));
  const complaint = readComplaint(responseBody);
  return vendorFailure(
    statusCode,
    { ...complaint, isOurs: isRetryable && callersStatuses.has(statusCode) },
    { secrets, retryAfterSeconds: retryAfterSeconds({ header: (name) => responseHeaders[name] ?? null }) },
  );
}

/** `{error: {message}}`, `{error: "…"}`, `{message}` or `{detail: "…"}`: words for people, whoever the vendor is. */
function readComplaint(body: string): VendorComplaint {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return noComplaint;
    throw thrown;
  }
  const parsed = complaintSchema.safeParse(value);
  if (!parsed.success) return noComplaint;
  const { error, message, detail } = parsed.data;
  if (typeof error === 'string') return { ...noComplaint, message: error };
  const inner = named.safeParse(error);
  return { ...noComplaint, message: (inner.success ? inner.data.message : null) ?? message ?? detail ?? null };
}

/** The AI SDK's own test of what an error is (`AISDKError.hasMarker`). */
function isMarked(thrown: unknown, name: string): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return Reflect.get(thrown, Symbol.for(`vercel.ai.error.${name}`)) === true;
}

function nameOf(thrown: unknown): Error {
  return new Error(thrown instanceof Error ? thrown.name : 'unknown');
}
