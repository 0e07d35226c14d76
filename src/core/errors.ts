/**
 * The one table of everything that can go wrong, and the only place that maps a failure to a status.
 *
 * - `status` and `type` make the reply; `type` uses OpenAI's words so that its SDKs print something familiar.
 * - `next` steers routing: `try-other` means that another provider could cure it.
 * - `blame` steers provider health and alerts.
 * - `summary` is the line of docs/reference/errors.md, which `npm run check` compares with this table.
 */
const traits = {
  // The request can never work.
  missing_file: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The form has no `file` part.',
  },
  invalid_value: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'A field has a value that is not allowed; `param` names the field.',
  },
  invalid_multipart: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The body is not well-formed `multipart/form-data`.',
  },
  unsupported_value: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The option is known but neither this model nor the gateway can do it; `param` names it.',
  },
  unsupported_audio: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The file is no audio container or codec that can be decoded.',
  },
  audio_unreadable: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The container is known but damaged, or has no sound in it.',
  },
  audio_too_long: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The recording is longer than `limits.maxAudioSeconds`.',
  },
  unsupported_language: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'No installed model speaks the language; the message names one to pull.',
  },
  bad_request: {
    status: 400,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The HTTP request itself is malformed.',
  },
  // The caller may not.
  invalid_api_key: {
    status: 401,
    type: 'authentication_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The API key is missing or unknown.',
  },
  premium_locked: {
    status: 402,
    type: 'premium_locked',
    next: 'stop',
    blame: 'caller',
    summary: 'The key is valid but its plan has no transcription.',
  },
  insufficient_credits: {
    status: 402,
    type: 'insufficient_credits',
    next: 'stop',
    blame: 'caller',
    summary: 'The wallet cannot pay for the request.',
  },
  account_suspended: {
    status: 403,
    type: 'permission_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The key is valid but the operator has suspended its account.',
  },
  model_not_allowed: {
    status: 403,
    type: 'permission_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The key may not use the model: by its list, because it leaves the machine, or by its price.',
  },
  permission_denied: {
    status: 403,
    type: 'permission_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The key is valid but lacks the scope that this address needs.',
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'No model or alias has this name.',
  },
  not_found: {
    status: 404,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'There is nothing at this address.',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The address exists but not with this method.',
  },
  conflict: {
    status: 409,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The request is well-formed and does not go with what is there already; `param` names the field.',
  },
  model_in_use: {
    status: 409,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The model cannot be removed now: the server needs it, or it is being fetched.',
  },
  idempotency_in_progress: {
    status: 409,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The first request with this `Idempotency-Key` is still in work; try again after `Retry-After` seconds.',
  },
  upload_timeout: {
    status: 408,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The upload stalled for `limits.uploadIdleSeconds`, or took longer than `limits.uploadSeconds`.',
  },
  payload_too_large: {
    status: 413,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The upload is larger than `limits.maxUploadBytes`.',
  },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The request body has a content type that the route does not take.',
  },
  idempotency_key_reused: {
    status: 422,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The `Idempotency-Key` was used for another request.',
  },
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    next: 'stop',
    blame: 'caller',
    summary:
      'Too many requests, too much audio or too many at one time for the key or its account; wait for `Retry-After` seconds.',
  },
  budget_exhausted: {
    status: 429,
    type: 'rate_limit_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The monthly budget of the key is spent.',
  },
  client_closed_request: {
    status: 499,
    type: 'invalid_request_error',
    next: 'stop',
    blame: 'caller',
    summary: 'The caller hung up before the answer; seen only in logs and metrics.',
  },
  // We could not.
  server_error: {
    status: 500,
    type: 'server_error',
    next: 'try-other',
    blame: 'operator',
    summary: 'A fault of the gateway; the log has the details under the request id.',
  },
  bad_gateway: {
    status: 502,
    type: 'server_error',
    next: 'try-other',
    blame: 'provider',
    summary: 'The provider answered with nonsense.',
  },
  bad_output: {
    status: 502,
    type: 'server_error',
    next: 'try-other',
    blame: 'provider',
    summary:
      'The provider answered with a text that cannot be right, such as none over clear speech. Seen only in metrics and, with its kind, in `x-flux-fallback`: a better answer, or the best there is, is returned.',
  },
  provider_key_refused: {
    status: 502,
    type: 'server_error',
    next: 'try-other',
    blame: 'operator',
    summary: "The provider refused the operator's key.",
  },
  service_unavailable: {
    status: 503,
    type: 'server_error',
    next: 'try-other',
    blame: 'provider',
    summary: 'Saturated or starting; try again after `Retry-After` seconds.',
  },
  engine_crashed: {
    status: 503,
    type: 'server_error',
    next: 'try-other',
    blame: 'provider',
    summary: 'The engine process died while it worked on this request; it has been restarted.',
  },
  no_model_installed: {
    status: 503,
    type: 'server_error',
    next: 'try-other',
    blame: 'operator',
    summary: 'No speech model is installed; the message says how to pull one.',
  },
  timeout: {
    status: 504,
    type: 'server_error',
    next: 'try-other',
    blame: 'provider',
    summary: 'The work took longer than its deadline.',
  },
  storage_full: {
    status: 507,
    type: 'server_error',
    next: 'stop',
    blame: 'operator',
    summary: 'The disk has no room for the upload.',
  },
} as const satisfies Record<string, ErrorTraits>;

interface ErrorTraits {
  readonly status: number;
  readonly type: string;
  readonly next: 'stop' | 'try-other';
  readonly blame: 'caller' | 'provider' | 'operator';
  readonly summary: string;
}

export type ErrorCode = keyof typeof traits;
export type ErrorOrigin = 'router' | 'provider';

export interface ErrorDetails {
  /** The request field at fault, in the spelling of the wire. */
  readonly param?: string;
  /** Whole seconds, at least 1; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** `provider` when an upstream said so; `router` (the default) when we did. */
  readonly origin?: ErrorOrigin;
  /** The same provider may well answer when it is asked again: nothing of an answer had come, or it was only busy. */
  readonly transient?: boolean;
  /** Everything that was tried before, each as `openai/whisper-1;timeout`; left out: nothing. */
  readonly tried?: readonly string[];
  readonly cause?: unknown;
}

/** The only error that crosses a room's wall. `message` is shown to the caller: no secrets, no transcript, no file name. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly origin: ErrorOrigin;
  readonly retryAfterSeconds: number | null;
  readonly isTransient: boolean;
  readonly tried: readonly string[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.param = details.param ?? null;
    this.origin = details.origin ?? 'router';
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
    this.isTransient = details.transient ?? false;
    this.tried = details.tried ?? [];
  }

  get status(): number {
    return traits[this.code].status;
  }
  get type(): string {
    return traits[this.code].type;
  }
  get next(): 'stop' | 'try-other' {
    return traits[this.code].next;
  }
  get blame(): 'caller' | 'provider' | 'operator' {
    return traits[this.code].blame;
  }
}

/** The wire body: OpenAI's four keys plus `origin`. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string;
    readonly param: string | null;
    readonly origin: ErrorOrigin;
  };
}

export function toErrorBody(error: GatewayError): ErrorBody {
  const { message, type, code, param, origin } = error;
  return { error: { message, type, code, param, origin } };
}

/** Every code with its traits, for the documentation check and the OpenAPI document. */
export const errorTable: Readonly<Record<ErrorCode, Readonly<ErrorTraits>>> = traits;

/** Anything thrown, as a GatewayError: an unknown failure is ours (`server_error`) and keeps its cause for the log. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('server_error', 'The gateway failed to answer this request.', { cause: thrown });
}
