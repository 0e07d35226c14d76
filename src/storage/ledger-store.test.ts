import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { describeDatabases } from '../../test/helpers/databases.ts';
import { checkBooks } from '../../test/helpers/ledger-books.ts';
import { formatDollars, parseDollars } from '../core/money.ts';
import { feeOf, type Hold, type ReserveAsk } from '../metering/ledger.ts';
import { createAccountStore } from './account-store.ts';
import { createLedgerStore, type LedgerStore } from './ledger-store.ts';

const cent = parseDollars('0.01');

describeDatabases('ledger', (database) => {
  let ledger: LedgerStore;
  before(() => {
    ledger = createLedgerStore(database());
  });
  const newAccount = async (cents: number, planId = 'payg') => {
    const { id } = await createAccountStore(database()).create({ name: 'test', planId });
    if (cents > 0) await ledger.grant(creditOf(id, cents));
    return id;
  };
  const creditOf = (accountId: string, cents: number, reference: string | null = null) => ({
    accountId,
    amountNanos: BigInt(cents) * cent,
    reference,
    memo: null,
  });
  let nextKey = 0;
  const ask = (accountId: string, cents: number, more: Partial<ReserveAsk> = {}): ReserveAsk => ({
    accountId,
    chargeKey: `charge-${nextKey++}`,
    amountNanos: BigInt(cents) * cent,
    ttlMs: 60_000,
    requestId: null,
    key: null,
    ...more,
  });
  const cost = (cents: number) => ({ costNanos: BigInt(cents) * cent, providerCostNanos: 0n, record: null });
  const wallet = async (id: string) => {
    const { balanceNanos, heldNanos } = await ledger.wallet(id);
    return { balance: Number(balanceNanos / cent), held: Number(heldNanos / cent) };
  };

  it('keeps money ready, takes what the work cost and gives the rest back', async () => {
    const id = await newAccount(100);
    const hold = await ledger.reserve(ask(id, 30));
    assert.deepEqual([hold.state, hold.repeated, hold.amountNanos], ['pending', false, 30n * cent]);
    assert.deepEqual(await wallet(id), { balance: 100, held: 30 });
    const receipt = await ledger.settle(hold, cost(12));
    assert.deepEqual(receipt, {
      state: 'settled',
      chargedNanos: 12n * cent,
      uncollectedNanos: 0n,
      balanceNanos: 88n * cent,
    });
    assert.deepEqual(await wallet(id), { balance: 88, held: 0 });
  });

  it('charges nothing for work that failed', async () => {
    const id = await newAccount(10);
    const hold = await ledger.reserve(ask(id, 10));
    assert.equal((await ledger.void(hold, null)).chargedNanos, 0n);
    assert.deepEqual(await wallet(id), { balance: 10, held: 0 });
    assert.equal((await ledger.entries(id, { limit: 50, cursor: null })).items.length, 1, 'the grant alone');
  });

  it('refuses with 402 what the wallet cannot pay beside its other holds', async () => {
    const id = await newAccount(10);
    await ledger.reserve(ask(id, 7));
    await assert.rejects(ledger.reserve(ask(id, 4)), { code: 'insufficient_credits', status: 402 });
    await ledger.reserve(ask(id, 3));
    assert.deepEqual(await wallet(id), { balance: 10, held: 10 });
  });

  it('serves exactly as many of 200 at once as the wallet can pay', async () => {
    const id = await newAccount(20);
    const tries = await Promise.allSettled(Array.from({ length: 200 }, () => ledger.reserve(ask(id, 1))));
    const holds = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    assert.equal(holds.length, 20);
    await Promise.all(holds.map((hold) => ledger.settle(hold, cost(1))));
    assert.deepEqual(await wallet(id), { balance: 0, held: 0 });
    await checkBooks(database());
  });

  it('gives the same hold for the same charge key, and charges it once', async () => {
    const id = await newAccount(100);
    const one = ask(id, 10);
    const holds = await Promise.all([ledger.reserve(one), ledger.reserve(one), ledger.reserve(one)]);
    assert.equal(new Set(holds.map((hold) => hold.id)).size, 1);
    assert.equal(holds.filter((hold) => !hold.repeated).length, 1);
    const receipts = await Promise.all([ledger.settle(holds[0]!, cost(5)), ledger.settle(holds[0]!, cost(5))]);
    assert.deepEqual(
      receipts.map((receipt) => receipt.chargedNanos),
      [5n * cent, 5n * cent],
    );
    assert.deepEqual(await wallet(id), { balance: 95, held: 0 });
    const again = await ledger.reserve(one);
    assert.deepEqual([again.state, again.repeated], ['settled', true]);
    assert.deepEqual(await wallet(id), { balance: 95, held: 0 });
  });

  it('charges an account that is never refused in one step, once for a charge key, with its row', async () => {
    const id = await newAccount(0, 'unlimited');
    const one = { accountId: id, chargeKey: 'at-once', requestId: 'req_at_once' };
    const receipts = await Promise.all([ledger.charge(one, cost(5)), ledger.charge(one, cost(5))]);
    assert.deepEqual(
      receipts.map(({ state, chargedNanos }) => [state, chargedNanos]),
      [
        ['settled', 5n * cent],
        ['settled', 5n * cent],
      ],
    );
    assert.deepEqual((await ledger.charge(one, cost(5))).chargedNanos, 5n * cent);
    assert.deepEqual(await wallet(id), { balance: -5, held: 0 });
    const crowd = Array.from({ length: 50 }, (_, n) => ledger.charge({ ...one, chargeKey: `crowd-${n}` }, cost(1)));
    await Promise.all(crowd);
    assert.deepEqual(await wallet(id), { balance: -55, held: 0 });
    const poor = await newAccount(3);
    const refused = await ledger.charge({ ...one, accountId: poor }, cost(5));
    assert.deepEqual([refused.state, refused.chargedNanos], ['voided', 0n]);
    assert.deepEqual(await wallet(poor), { balance: 3, held: 0 });
    await checkBooks(database(), [id, poor]);
  });

  it('lets a charge key of one account say nothing to another', async () => {
    const [left, right] = [await newAccount(5), await newAccount(5)];
    const one = ask(left, 5);
    const hold = await ledger.reserve(one);
    assert.notEqual((await ledger.reserve({ ...one, accountId: right })).id, hold.id);
    await assert.rejects(ledger.settle({ id: hold.id, accountId: right }, cost(5)), { code: 'not_found' });
  });

  it('keeps how a hold ended: settled is not voided, voided is not settled', async () => {
    const id = await newAccount(20);
    const settled = await ledger.reserve(ask(id, 10));
    await ledger.settle(settled, cost(4));
    assert.equal((await ledger.void(settled, null)).state, 'settled');
    const voided = await ledger.reserve(ask(id, 10));
    await ledger.void(voided, null);
    assert.deepEqual((await ledger.settle(voided, cost(4))).state, 'voided');
    assert.deepEqual(await wallet(id), { balance: 16, held: 0 });
    if (database().book) return; // It has no rows for them.
    await assert.rejects(sql`update holds set charged = 0 where id = ${settled.id}`.execute(database().db), {
      code: '23001',
    });
  });

  it('takes more than was held as far as the wallet reaches, and never from other holds', async () => {
    const id = await newAccount(20);
    const [small, other] = [await ledger.reserve(ask(id, 5)), await ledger.reserve(ask(id, 10))];
    const receipt = await ledger.settle(small, cost(15));
    assert.deepEqual([receipt.chargedNanos, receipt.uncollectedNanos], [10n * cent, 5n * cent]);
    assert.deepEqual(await wallet(id), { balance: 10, held: 10 });
    await ledger.settle(other, cost(10));
    assert.deepEqual(await wallet(id), { balance: 0, held: 0 });
  });

  it('ends holds that nobody resolved, and charges nothing for work that comes too late', async () => {
    const id = await newAccount(10);
    const late = await ledger.reserve(ask(id, 10, { ttlMs: 1 }));
    await assert.rejects(ledger.reserve(ask(id, 1)), { code: 'insufficient_credits' });
    let expired = 0;
    while (expired === 0) expired = await ledger.expire();
    assert.equal(expired, 1);
    assert.equal(await ledger.expire(), 0);
    assert.deepEqual(await wallet(id), { balance: 10, held: 0 });
    const receipt = await ledger.settle(late, cost(10));
    assert.deepEqual([receipt.state, receipt.chargedNanos], ['expired', 0n]);
    assert.deepEqual(await wallet(id), { balance: 10, held: 0 });
  });

  it('ends each abandoned hold once, however many sweep at one time', async () => {
    const ids = await Promise.all([newAccount(50), newAccount(50), newAccount(50)]);
    await Promise.all(ids.flatMap((id) => Array.from({ length: 10 }, () => ledger.reserve(ask(id, 5, { ttlMs: 1 })))));
    let ended = 0;
    while (ended < 30) {
      const counts = await Promise.all(Array.from({ length: 4 }, () => ledger.expire()));
      ended += counts.reduce((total, count) => total + count, 0);
    }
    assert.equal(ended, 30);
    for (const id of ids) assert.deepEqual(await wallet(id), { balance: 50, held: 0 });
    await checkBooks(database(), ids);
  });

  it('forgets old holds, and never their charges', async () => {
    const id = await newAccount(10);
    const [done, open] = [await ledger.reserve(ask(id, 4)), await ledger.reserve(ask(id, 1))];
    await ledger.settle(done, cost(4));
    assert.ok((await ledger.prune(Date.now() + 60_000, 10_000)) >= 1);
    await assert.rejects(ledger.settle(done, cost(4)), { code: 'not_found' });
    assert.equal((await ledger.settle(open, cost(1))).state, 'settled');
    assert.deepEqual(await wallet(id), { balance: 5, held: 0 });
    await checkBooks(database());
  });

  it('never refuses an unlimited account, whose balance is what it has used', async () => {
    const id = await newAccount(0, 'unlimited');
    const hold = await ledger.reserve(ask(id, 500));
    await ledger.settle(hold, cost(700));
    assert.deepEqual(await wallet(id), { balance: -700, held: 0 });
    await createAccountStore(database()).update(id, { planId: 'payg' });
    assert.deepEqual(await wallet(id), { balance: 0, held: 0 });
    await assert.rejects(ledger.reserve(ask(id, 1)), { code: 'insufficient_credits' });
    await checkBooks(database());
  });

  it("reserves a key's monthly budget as it reserves the wallet, and says when the next month begins", async () => {
    const id = await newAccount(100);
    const keyId = `key_${id}`;
    await database()
      .db.insertInto('api_keys')
      .values({ id: keyId, account_id: id, name: 'k', prefix: 'x', hash: keyHash(keyId), scopes: ['transcribe'] })
      .execute();
    const key = { id: keyId, budgetNanos: 5n * cent };
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => ledger.reserve(ask(id, 1, { key }))));
    const holds = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const [refused] = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    assert.equal(holds.length, 5);
    assert.equal(refused.code, 'budget_exhausted');
    assert.ok(refused.retryAfterSeconds >= 1 && refused.retryAfterSeconds <= 31 * 86_400);
    assert.deepEqual(await ledger.budget(keyId), { spentNanos: 0n, heldNanos: 5n * cent });
    await ledger.void(holds[0]!, null);
    await ledger.settle(holds[1]!, cost(1));
    assert.deepEqual(await ledger.budget(keyId), { spentNanos: cent, heldNanos: 3n * cent });
    await ledger.reserve(ask(id, 1, { key }));
    await assert.rejects(ledger.reserve(ask(id, 1, { key })), { code: 'budget_exhausted' });
    await ledger.reserve(ask(id, 1, { key: { id: keyId, budgetNanos: null } }));
  });

  it('takes the fee on top, and credits the same reference once', async () => {
    const id = await newAccount(0);
    const topUp = { ...creditOf(id, 1000, 'invoice-1'), feeBasisPoints: 500 };
    const results = await Promise.all([ledger.topUp(topUp), ledger.topUp(topUp)]);
    for (const { creditedNanos, feeNanos, chargedNanos } of results) {
      assert.deepEqual([creditedNanos, feeNanos, chargedNanos], [1000n * cent, 50n * cent, 1050n * cent]);
    }
    assert.deepEqual(results.map((one) => one.repeated).sort(), [false, true]);
    assert.deepEqual(await wallet(id), { balance: 1000, held: 0 });
    await assert.rejects(ledger.topUp({ ...topUp, amountNanos: 1n }), { code: 'conflict', param: 'reference' });
    await ledger.topUp({ ...creditOf(id, 1, 'invoice-2'), feeBasisPoints: 0 });
    await ledger.grant(creditOf(id, 1, 'invoice-1'));
    assert.deepEqual(await wallet(id), { balance: 1002, held: 0 });
  });

  it('refunds what a request was charged, once', async () => {
    const id = await newAccount(50);
    const hold = await ledger.reserve(ask(id, 20, { requestId: `req_${id}` }));
    await ledger.settle(hold, cost(15));
    const refund = { accountId: id, requestId: `req_${id}`, reason: 'noise' };
    assert.equal((await ledger.refund(refund)).creditedNanos, 15n * cent);
    assert.equal((await ledger.refund(refund)).repeated, true);
    assert.deepEqual(await wallet(id), { balance: 50, held: 0 });
    await assert.rejects(ledger.refund({ ...refund, requestId: 'req_other' }), { code: 'not_found' });
  });

  it('lists entries newest first in pages, whose amounts sum up to the balance', async () => {
    const id = await newAccount(100);
    for (let cents = 1; cents <= 7; cents++) await ledger.settle(await ledger.reserve(ask(id, cents)), cost(cents));
    const seen = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<LedgerStore['entries']>> = await ledger.entries(id, { limit: 3, cursor });
      assert.ok(page.items.length <= 3);
      seen.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(
      seen.map((entry) => Number(entry.amountNanos / cent)),
      [-7, -6, -5, -4, -3, -2, -1, 100],
    );
    const sum = seen.reduce((total, entry) => total + entry.amountNanos, 0n);
    assert.equal(formatDollars(sum), formatDollars((await ledger.wallet(id)).balanceNanos));
    assert.equal(seen[0]?.balanceNanos, sum);
    await assert.rejects(ledger.entries(id, { limit: 3, cursor: 'nonsense' }), { code: 'invalid_value' });
  });

  it('refuses accounts and holds that there are not, and amounts that make no sense', async () => {
    await assert.rejects(ledger.reserve(ask('acc_nobody', 1)), { code: 'not_found' });
    await assert.rejects(ledger.settle({ id: 'hold_none', accountId: 'acc_nobody' }, cost(1)), { code: 'not_found' });
    await assert.rejects(ledger.wallet('acc_nobody'), { code: 'not_found' });
    const id = await newAccount(1);
    await assert.rejects(ledger.reserve(ask(id, -1)), RangeError);
    await assert.rejects(ledger.reserve(ask(id, 1, { amountNanos: 2n ** 62n })), RangeError);
    await assert.rejects(ledger.grant(creditOf(id, 0)), RangeError);
  });

  it('writes the vendor cost beside the charge and keeps the sum over all sides at zero', async () => {
    const id = await newAccount(10);
    const hold = await ledger.reserve(ask(id, 5));
    await ledger.settle(hold, { costNanos: 5n * cent, providerCostNanos: 2n * cent, record: null });
    const sides = await checkBooks(database());
    assert.ok((sides.get('provider_cost') ?? 0n) < 0n);
  });

  it('holds every invariant over random sequences of everything that can happen', async () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constant('reserve' as const),
        who: fc.nat(2),
        cents: fc.nat(30),
        key: fc.nat(12),
        late: fc.boolean(),
      }),
      fc.record({ type: fc.constantFrom('settle' as const, 'void' as const), pick: fc.nat(), cents: fc.nat(40) }),
      fc.record({ type: fc.constant('expire' as const) }),
      fc.record({
        type: fc.constantFrom('topUp' as const, 'grant' as const),
        who: fc.nat(2),
        cents: fc.integer({ min: 1, max: 50 }),
        reference: fc.nat(6),
      }),
      fc.record({ type: fc.constant('refund' as const), who: fc.nat(2), key: fc.nat(12) }),
    );
    const steps = fc.array(fc.record({ step, together: fc.boolean() }), { minLength: 5, maxLength: 40 });
    const property = fc.asyncProperty(steps, async (sequence) => {
      const accounts = [await newAccount(20), await newAccount(0), await newAccount(0, 'unlimited')];
      const holds: Hold[] = [];
      const ends = new Map<string, string>();
      let running: Promise<unknown>[] = [];
      const expected = new Set(['insufficient_credits', 'not_found', 'conflict']);
      for (const { step: one, together } of sequence) {
        running.push(
          take(one, accounts, holds, ends).catch((thrown: { code?: string }) => {
            if (!expected.has(thrown.code ?? '')) throw thrown;
          }),
        );
        if (together) continue;
        await Promise.all(running);
        running = [];
      }
      await Promise.all(running);
      await checkBooks(database(), accounts);
    });
    const take = async (
      one: typeof step extends fc.Arbitrary<infer Value> ? Value : never,
      accounts: string[],
      holds: Hold[],
      ends: Map<string, string>,
    ): Promise<void> => {
      switch (one.type) {
        case 'reserve': {
          const accountId = accounts[one.who]!;
          const requestId = `req_${accountId}_${one.key}`;
          const more = { chargeKey: `k${one.key}`, ttlMs: one.late ? 1 : 60_000, requestId };
          const hold = await ledger.reserve(ask(accountId, one.cents, more));
          const known = holds.find((other) => other.accountId === accountId && other.id === hold.id);
          if (known) assert.equal(hold.repeated, true);
          else holds.push(hold);
          return;
        }
        case 'settle':
        case 'void': {
          const hold = holds[one.pick % Math.max(1, holds.length)];
          if (!hold) return;
          const settlement = { costNanos: BigInt(one.cents) * cent, providerCostNanos: 1n, record: null };
          const receipt = await (one.type === 'settle' ? ledger.settle(hold, settlement) : ledger.void(hold, null));
          const end = `${receipt.state} ${receipt.chargedNanos} ${receipt.uncollectedNanos}`;
          assert.equal(ends.get(hold.id) ?? end, end, 'a hold ends in one way');
          ends.set(hold.id, end);
          return;
        }
        case 'expire':
          await ledger.expire();
          return;
        case 'topUp':
          await ledger.topUp({ ...creditOf(accounts[one.who]!, one.cents, `t${one.reference}`), feeBasisPoints: 333 });
          return;
        case 'grant':
          await ledger.grant(creditOf(accounts[one.who]!, one.cents, `g${one.reference}`));
          return;
        case 'refund':
          await ledger.refund({
            accountId: accounts[one.who]!,
            requestId: `req_${accounts[one.who]}_${one.key}`,
            reason: null,
          });
      }
    };
    await fc.assert(property, { numRuns: database().kind === 'embedded' ? 15 : 40 });
    await checkBooks(database());
  });
});

describe('feeOf', () => {
  it('is rounded up to a whole nano-dollar and never more than that off', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 18n }), fc.nat(10_000), (amount, basisPoints) => {
        const error = feeOf(amount, basisPoints) * 10_000n - amount * BigInt(basisPoints);
        assert.ok(error >= 0n && error < 10_000n);
      }),
    );
  });
});

function keyHash(id: string): string {
  return Buffer.from(id).toString('hex').padEnd(64, '0').slice(-64);
}
