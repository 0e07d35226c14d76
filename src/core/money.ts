/**
 * Money is an integer number of nano-dollars (1e-9 US dollars), as bigint: sums stay exact at any size.
 * One second at $0.10 a minute is 1,666,667 nano-dollars, so rounding errors stay under a thousandth of a cent.
 */
export type Nanos = bigint;

export const NANOS_PER_DOLLAR = 1_000_000_000n;

/** A decimal string in US dollars with nine places, for headers and JSON: 16_666_667n → "0.016666667". */
export function formatDollars(nanos: Nanos): string {
  const sign = nanos < 0n ? '-' : '';
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = (absolute % NANOS_PER_DOLLAR).toString().padStart(9, '0');
  return `${sign}${absolute / NANOS_PER_DOLLAR}.${fraction}`;
}

/** The inverse of formatDollars for catalogue prices: "0.10" → 100_000_000n. Throws RangeError on anything else. */
export function parseDollars(text: string): Nanos {
  const match = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw new RangeError(`not a dollar amount with at most nine places: ${JSON.stringify(text)}`);
  return BigInt(match[1]!) * NANOS_PER_DOLLAR + BigInt((match[2] ?? '').padEnd(9, '0'));
}
