import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDollars, parseDollars } from '../core/money.ts';
import { ceilingFor, chargeFor } from './price-book.ts';

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

  it('charges by tokens where the price has them and the vendor counted, and by the length where not', () => {
    const price = {
      nanosPerMinute: parseDollars('0.006'),
      minimumMs: 0,
      tokens: {
        audioNanos: parseDollars('6'),
        textNanos: parseDollars('2.50'),
        outputNanos: parseDollars('10'),
      },
    };
    const counted = (inputTokens: number, textTokens: number, outputTokens: number) =>
      ({ type: 'tokens', inputTokens, outputTokens, audioTokens: inputTokens - textTokens, textTokens }) as const;
    assert.equal(chargeFor(price, 1400, counted(14, 0, 11)).costNanos, 194_000n);
    assert.equal(chargeFor(price, 1400, counted(114, 100, 11)).costNanos, 444_000n);
    const byLength = chargeFor(price, 1400).costNanos;
    assert.equal(byLength, 140_000n);
    assert.equal(chargeFor(price, 1400, { type: 'duration', durationMs: 9_999_999 }).costNanos, byLength);
    // Nothing counted, no counts, or more than any recording of this length could be.
    for (const usage of [counted(0, 0, 0), counted(10, 20, 1), counted(1.5, 0, 0), counted(2 ** 52, 0, 0)]) {
      assert.equal(chargeFor(price, 1400, usage).costNanos, byLength);
    }
    const { nanosPerMinute, minimumMs } = price;
    assert.equal(chargeFor({ nanosPerMinute, minimumMs }, 1400, counted(14, 0, 11)).costNanos, byLength);
  });

  it('never costs zero for sound that has a price, whatever a vendor counts', () => {
    const count = fc.oneof(fc.nat({ max: 100_000 }), fc.double());
    const usage = fc.record({
      type: fc.constant('tokens' as const),
      inputTokens: count,
      outputTokens: count,
      audioTokens: count,
      textTokens: count,
    });
    const rate = fc.bigInt({ min: 0n, max: 100_000_000_000n });
    const tokens = fc.record({ audioNanos: rate, textNanos: rate, outputNanos: rate });
    const durationMs = fc.integer({ min: 1, max: 24 * 3600 * 1000 });
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10_000_000_000n }),
        tokens,
        usage,
        durationMs,
        (nanosPerMinute, rates, counted, ms) => {
          const { costNanos } = chargeFor({ nanosPerMinute, minimumMs: 0, tokens: rates }, ms, counted);
          assert.ok(costNanos > 0n);
          assert.ok(costNanos <= 10n * chargeFor({ nanosPerMinute, minimumMs: 60_000 }, ms).costNanos);
        },
      ),
    );
  });

  it('holds the charge itself by the length, and for tokens no less and at most what could be charged', () => {
    const tokens = { audioNanos: parseDollars('6'), textNanos: parseDollars('2.50'), outputNanos: parseDollars('10') };
    assert.equal(ceilingFor(tenCents, 12_625), chargeFor(tenCents, 12_625).costNanos);
    const byTokens = { nanosPerMinute: parseDollars('0.006'), minimumMs: 0, tokens };
    assert.equal(ceilingFor(byTokens, 60_000), parseDollars('0.012'));
    assert.equal(ceilingFor(byTokens, 60_000, 400), parseDollars('0.013'));
    assert.equal(ceilingFor(byTokens, 60_000, 1_000_000), parseDollars('0.06'));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 24 * 3600 * 1000 }),
        fc.nat({ max: 100_000 }),
        (durationMs, promptBytes) => {
          assert.ok(ceilingFor(byTokens, durationMs, promptBytes) >= chargeFor(byTokens, durationMs).costNanos);
        },
      ),
    );
  });

  it('refuses a length that only a broken decoder can report', () => {
    for (const nonsense of [2 ** 63 - 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => chargeFor(tenCents, nonsense), RangeError);
    }
  });
});
