import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, GatewayError, toErrorBody, toGatewayError } from '../core/errors.ts';
import { newRequestId } from '../core/ids.ts';
import type { Log } from '../core/log.ts';

/**
 * Failures that sending the same request again would not cure, although their status makes SDKs retry: the setting, the
 * plan or the deadline must change first.
 */
const notWorthRetrying: ReadonlySet<ErrorCode> = new Set([
  'no_model_installed',
  'provider_key_refused',
  'timeout',
  'upload_timeout',
  'budget_exhausted',
]);

/** Some clients ignore a longer wait and fall back to a few seconds; then it is better to name one that they keep. */
const maxRetryAfterSeconds = 60;

/** Makes every failure of the app, known or not, an answer of the error table: JSON, with a request id, as OpenAI's. */
export function answerErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler<FastifyError | Error>((thrown, request, reply) => sendError(thrown, request, reply, log));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!.slice(0, 200);
    sendError(new GatewayError('not_found', `There is nothing at ${request.method} ${path}.`), request, reply, log);
  });
}

/** Answers with a failure. Also for Fastify's `frameworkErrors`, which run before any hook. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const error = fromFastify(thrown);
  if (request.facts) request.facts.errorCode = error.code;
  logFailure(error, request.id, log);
  if (error.code === 'client_closed_request') {
    // Nobody reads it: whoever waited has gone. Ending the reply lets the connection go.
    reply.hijack();
    reply.raw.destroy();
    return;
  }
  for (const [name, value] of errorHeaders(error)) reply.header(name, value);
  if (!reply.hasHeader('x-request-id')) reply.header('x-request-id', request.id);
  // A client that asked leave to send its body has been refused it, and may or may not send it: only closing is safe.
  if (request.headers.expect !== undefined && !request.raw.complete) reply.header('connection', 'close');
  reply
    .code(error.status)
    .type('application/json')
    .send(Buffer.from(JSON.stringify(toErrorBody(error))));
}

/** One line for every failure that somebody here should look at, with its stack; the caller's own mistakes are not. */
export function logFailure(error: GatewayError, requestId: string, log: Log): void {
  if (error.blame === 'caller') return;
  const fields = { requestId, code: error.code, origin: error.origin, ...causeFields(error) };
  if (error.code === 'server_error') log.error(fields, 'a request failed by a fault of the gateway');
  else log.warn(fields, 'a request failed');
}

function causeFields(error: GatewayError): { stack: string | undefined } | Record<string, never> {
  return error.cause instanceof Error ? { stack: error.cause.stack } : {};
}

function errorHeaders(error: GatewayError): [string, string][] {
  const headers: [string, string][] = [];
  if (error.retryAfterSeconds !== null) {
    const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds));
    // A limit says when it ends to the second, and earlier it would refuse again; other waits are estimates.
    const isExact = error.code === 'rate_limit_exceeded' && error.origin === 'router';
    headers.push(['retry-after', String(isExact ? seconds : Math.min(maxRetryAfterSeconds, seconds))]);
    // SDKs would take their own few seconds instead, and be refused until they give up.
    if (isExact && seconds > maxRetryAfterSeconds) headers.push(['x-should-retry', 'false']);
  }
  // As after a fallback that went well: one attempt alone is what the error itself tells.
  if (error.tried.length > 1) headers.push(['x-flux-fallback', error.tried.join(', ')]);
  if (error.status === 401) headers.push(['www-authenticate', 'Bearer realm="fluxscribe"']);
  if (notWorthRetrying.has(error.code)) headers.push(['x-should-retry', 'false']);
  return headers;
}

/** Fastify's own errors have a code and a status; everything without them is a fault of ours. */
function fromFastify(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError || !(thrown instanceof Error)) return toGatewayError(thrown);
  const { code, statusCode } = thrown as Partial<FastifyError>;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError(
        'unsupported_media_type',
        'The Content-Type of the body is not one that this address takes.',
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('payload_too_large', 'The body is larger than this address takes.');
    case 'FST_ERR_VALIDATION':
      return fromValidation(thrown);
    default:
      if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
        return new GatewayError('bad_request', thrown.message, { cause: thrown });
      }
      return toGatewayError(thrown);
  }
}

/**
 * An address with something in it that can be nothing's id is one at which there is nothing.
 *
 * `param` is the field as the caller wrote it: `amount_usd`, `prices.flux-voice.per_minute_usd`; a list as a whole.
 */
function fromValidation(thrown: Partial<FastifyError> & Error): GatewayError {
  const first = thrown.validation?.[0];
  if (!first) return new GatewayError('invalid_value', thrown.message);
  const unknown = first.params.keys;
  const isUnknown = first.keyword === 'unrecognized_keys' && Array.isArray(unknown) && typeof unknown[0] === 'string';
  const field = isUnknown ? `${first.instancePath}/${unknown[0]}` : first.instancePath;
  const param = field
    .split('/')
    .filter(Boolean)
    .join('.')
    .replace(/(\.\d+)+$/, '')
    .slice(0, 256);
  if (thrown.validationContext === 'params') {
    return new GatewayError('not_found', `${param}: ${first.message} Nothing has it.`, { param });
  }
  const words = isUnknown ? 'There is no such field here.' : first.message;
  return new GatewayError('invalid_value', `${param || thrown.validationContext}: ${words}`, param ? { param } : {});
}

/** What Node's HTTP parser could not read at all: there is no request, so the answer is written by hand. */
export function malformedRequestAnswer(nodeCode: string | undefined): string {
  const [status, error] =
    nodeCode === 'HPE_HEADER_OVERFLOW'
      ? ([
          '431 Request Header Fields Too Large',
          new GatewayError('bad_request', 'The headers are too large.'),
        ] as const)
      : nodeCode === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? (['408 Request Timeout', new GatewayError('upload_timeout', 'The headers did not arrive in time.')] as const)
        : (['400 Bad Request', new GatewayError('bad_request', 'This is not well-formed HTTP.')] as const);
  const body = JSON.stringify(toErrorBody(error));
  return [
    `HTTP/1.1 ${status}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${newRequestId()}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
