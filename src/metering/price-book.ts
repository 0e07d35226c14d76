import type { Nanos } from '../core/money.ts';

/** What a model or alias costs. Rates are charged per millisecond of audio. */
export interface Price {
  readonly nanosPerMinute: Nanos;
  /** Shorter audio is billed as this many milliseconds. */
  readonly minimumMs: number;
}

export interface Charge {
  /** Milliseconds that are billed: the audio's length, at least the minimum. */
  readonly billedMs: number;
  readonly costNanos: Nanos;
}

const MS_PER_MINUTE = 60_000n;

/**
 * The price of `durationMs` milliseconds of audio. The exact amount is rounded up to a whole nano-dollar, so that
 * audio with a price never costs zero, longer audio never costs less, and the error stays under one nano-dollar.
 * Throws RangeError when the duration is not a whole number of milliseconds from 0 to one year: a decoder that claims
 * more is broken, and its nonsense must not reach a bill.
 */
export function chargeFor(price: Price, durationMs: number): Charge {
  const oneYearMs = 366 * 24 * 3600 * 1000;
  if (!Number.isInteger(durationMs) || durationMs < 0 || durationMs > oneYearMs) {
    throw new RangeError(`not a billable duration: ${durationMs} ms`);
  }
  const billedMs = Math.max(durationMs, price.minimumMs);
  const product = price.nanosPerMinute * BigInt(billedMs);
  return { billedMs, costNanos: (product + MS_PER_MINUTE - 1n) / MS_PER_MINUTE };
}

/** Prices by model id and by alias; what was asked for decides, so an alias costs the same whichever model serves it. */
export interface PriceBook {
  /** Throws RangeError for a name that is in no catalogue. */
  priceOf(name: string): Price;
}

export function createPriceBook(prices: ReadonlyMap<string, Price>): PriceBook {
  return {
    priceOf(name) {
      const price = prices.get(name);
      if (!price) throw new RangeError(`no price for ${name}`);
      return price;
    },
  };
}
