import { GatewayError, toGatewayError } from '../core/errors.ts';

/** Why a signal was aborted, as an error of the table: whoever aborted it said so, or it was a deadline, or the caller left. */
export function abortError(signal: AbortSignal): GatewayError {
  const reason: unknown = signal.reason;
  if (reason instanceof GatewayError) return reason;
  return isDeadline(signal)
    ? new GatewayError('timeout', 'The recording was not transcribed within its deadline.', { cause: reason })
    : new GatewayError('client_closed_request', 'The caller hung up before the answer was complete.', {
        cause: reason,
      });
}

/** Whether it was the request's own deadline that aborted, with the caller still there. */
export function isDeadline({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

/** What a call failed with. An aborted one failed because of that, whatever it says itself. */
export function callError(thrown: unknown, signal: AbortSignal): GatewayError {
  return signal.aborted ? abortError(signal) : toGatewayError(thrown);
}

/** What the work comes to, or a rejection as soon as the signal is aborted: nobody waits for one who does not listen. */
export function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    const release = () => signal.removeEventListener('abort', onAbort);
    work.then(
      (value) => {
        release();
        resolve(value);
      },
      (error: unknown) => {
        release();
        reject(error);
      },
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Only what the provider itself did tells anything about it: not our own queue, not the caller's input. */
export function blamesProvider(error: GatewayError): boolean {
  return error.origin === 'provider' && error.blame !== 'caller';
}
