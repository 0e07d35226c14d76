import { GatewayError } from '../core/errors.ts';
import type { ProviderAnswer } from '../providers/contract.ts';

/** A recording was sent in pieces and one of them could not be had. Code and origin are those of that piece's failure. */
export class PiecesError extends GatewayError {
  /**
   * What the other pieces say, in place, with `unheard` where somebody speaks whom nobody has heard. null: nothing was
   * heard, or the caller's own input is at fault. Worth more than an error where no other candidate can do better.
   */
  readonly partial: ProviderAnswer | null;

  constructor(failure: GatewayError, partial: ProviderAnswer | null) {
    super(failure.code, failure.message, {
      origin: failure.origin,
      transient: failure.isTransient,
      cause: failure,
      ...(failure.param === null ? {} : { param: failure.param }),
      ...(failure.retryAfterSeconds === null ? {} : { retryAfterSeconds: failure.retryAfterSeconds }),
    });
    this.partial = partial;
  }
}
