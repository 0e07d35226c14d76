import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDollars, parseDollars } from '../core/money.ts';
import { chargeFor } from './price-book.ts';

const tenCents = { nanosPerMinute: parseDollars('0.10'), minimumMs: 10_000 };

describe('chargeFor', () => {
  it('bills the minimum for a short clip and the exact length above it', () => {
    assert.deepEqual(chargeFor(tenCents, 2_376), { billedMs: 10_000, costNanos: 16_666_667n });
    assert.equal(chargeFor(tenCents, 60_000).costNanos, parseDollars('0.10'));
    assert.equal(formatDollars(chargeFor(tenCents, 12_625).costNanos), '0.021041667');
  });

  it('never costs zero for sound that has a price, and longer never costs less', () => {
    const durationMs = fc.integer({ min: 1, max: 24 * 3600 * 1000 });
    const nanosPerMinute = fc.bigInt({ min: 1n, max: 10_000_000_000n });
    fc.assert(
      fc.property(nanosPerMinute, durationMs, durationMs, (rate, a, b) => {
        const price = { nanosPerMinute: rate, minimumMs: 0 };
        const [short, long] = a < b ? [a, b] : [b, a];
        const cheap = chargeFor(price, short).costNanos;
        assert.ok(cheap > 0n);
        assert.ok(chargeFor(price, long).costNanos >= cheap);
        // Less than one nano-dollar above the exact amount.
        assert.ok(cheap * 60_000n - rate * BigInt(short) < 60_000n);
      }),
    );
  });

  it('refuses a length that only a broken decoder can report', () => {
    for (const nonsense of [2 ** 63 - 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => chargeFor(tenCents, nonsense), RangeError);
    }
  });
});
