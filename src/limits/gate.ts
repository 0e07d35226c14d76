import { GatewayError } from '../core/errors.ts';

/** Leave to take part; give it back exactly once, whatever happened. */
export interface Permit {
  release(): void;
}

/** Bounds how many may be inside at one time. Nobody waits: who finds it full is told when to come again. */
export interface Gate {
  /** Throws GatewayError `service_unavailable` with `Retry-After` when it is full. */
  enter(): Permit;
  /** How many are inside. */
  readonly inside: number;
}

export function createGate(options: { capacity: number; fullMessage: string; retryAfterSeconds: number }): Gate {
  let inside = 0;
  return {
    enter() {
      if (inside >= options.capacity) {
        throw new GatewayError('service_unavailable', options.fullMessage, {
          retryAfterSeconds: options.retryAfterSeconds,
        });
      }
      inside++;
      let released = false;
      return {
        release() {
          if (released) return;
          released = true;
          inside--;
        },
      };
    },
    get inside() {
      return inside;
    },
  };
}
