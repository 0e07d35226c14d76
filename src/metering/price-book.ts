import type { Nanos } from '../core/money.ts';
import type { Usage } from '../core/usage.ts';

/** What a model or alias costs. Rates are charged per millisecond of audio, or by the answer's tokens where it counts them. */
export interface Price {
  readonly nanosPerMinute: Nanos;
  /** Shorter audio is billed as this many milliseconds. */
  readonly minimumMs: number;
  /** Left out: the length alone counts. */
  readonly tokens?: TokenPrice;
  /** Of a minute that was heard with an account's own key for its vendor; left out: nothing. */
  readonly ownKeyNanosPerMinute?: Nanos;
}

/** For a million tokens each. */
export interface TokenPrice {
  readonly audioNanos: Nanos;
  readonly textNanos: Nanos;
  readonly outputNanos: Nanos;
}

export interface Charge {
  /** Milliseconds that are billed: the audio's length, at least the minimum. */
  readonly billedMs: number;
  readonly costNanos: Nanos;
}

const MS_PER_MINUTE = 60_000n;

const TOKENS_PER_PRICE = 1_000_000n;

/** A count of tokens that comes to more than this many times the price of the length is not believed. */
const MOST_TIMES_THE_LENGTH = 10n;

/**
 * The price of `durationMs` milliseconds of audio. The exact amount is rounded up to a whole nano-dollar, so that
 * audio with a price never costs zero, longer audio never costs less, and the error stays under one nano-dollar.
 * Where the price has token rates and the vendor counted tokens (`usage`), these decide; not where they come to nothing,
 * are no counts at all, or come to more than ten times what the length (a minute at least) costs: a vendor's nonsense
 * must not reach a bill. Throws RangeError when the duration is not a whole number of milliseconds from 0 to one year: a
 * decoder that claims more is broken.
 */
export function chargeFor(price: Price, durationMs: number, usage: Usage | null = null): Charge {
  const oneYearMs = 366 * 24 * 3600 * 1000;
  if (!Number.isInteger(durationMs) || durationMs < 0 || durationMs > oneYearMs) {
    throw new RangeError(`not a billable duration: ${durationMs} ms`);
  }
  const billedMs = Math.max(durationMs, price.minimumMs);
  const byTokens = price.tokens && usage?.type === 'tokens' ? tokenCost(price.tokens, usage) : null;
  const most = MOST_TIMES_THE_LENGTH * lengthCost(price, Math.max(billedMs, Number(MS_PER_MINUTE)));
  const believed = byTokens !== null && byTokens > 0n && byTokens <= most;
  return { billedMs, costNanos: believed ? byTokens : lengthCost(price, billedMs) };
}

/**
 * What to hold before the work: no charge that is to be expected is above it. By the length it is the charge itself. Where
 * tokens count, whose number only the answer tells, it is twice the price of the length and one text token for each byte
 * of the prompt (`promptBytes`), but never more than chargeFor can come to. A charge above it is possible and rare: a
 * text of many more words than people speak. The ledger then takes what the wallet has beside its other holds.
 */
export function ceilingFor(price: Price, durationMs: number, promptBytes = 0): Nanos {
  const { billedMs, costNanos } = chargeFor(price, durationMs);
  if (!price.tokens) return costNanos;
  const most = MOST_TIMES_THE_LENGTH * lengthCost(price, Math.max(billedMs, Number(MS_PER_MINUTE)));
  const expected = 2n * costNanos + dividedUp(price.tokens.textNanos * BigInt(promptBytes), TOKENS_PER_PRICE);
  return expected < most ? expected : most;
}

function lengthCost({ nanosPerMinute }: Price, ms: number): Nanos {
  return dividedUp(nanosPerMinute * BigInt(ms), MS_PER_MINUTE);
}

/** null: these are no counts. */
function tokenCost(price: TokenPrice, usage: Usage & { readonly type: 'tokens' }): Nanos | null {
  const { inputTokens, textTokens, outputTokens } = usage;
  // Input of which the vendor does not say what it was is the recording.
  const audioTokens = inputTokens - textTokens;
  if (![audioTokens, textTokens, outputTokens].every((count) => Number.isSafeInteger(count) && count >= 0)) return null;
  const product =
    price.audioNanos * BigInt(audioTokens) +
    price.textNanos * BigInt(textTokens) +
    price.outputNanos * BigInt(outputTokens);
  return dividedUp(product, TOKENS_PER_PRICE);
}

function dividedUp(amount: Nanos, by: bigint): Nanos {
  return (amount + by - 1n) / by;
}

/** What is charged where an account pays the vendor itself. The length that is billed stays the same. */
export function ownKeyPrice({ ownKeyNanosPerMinute, minimumMs }: Price): Price {
  return { nanosPerMinute: ownKeyNanosPerMinute ?? 0n, minimumMs };
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
