import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseDollars } from '../../../src/core/money.ts';
import { type AdminGateway, dataOf, describeAdmin, errorOf } from '../../helpers/admin-gateway.ts';
import { requestRecord } from '../../helpers/request-records.ts';

describeAdmin('money and plans over HTTP', (admin) => {
  it('credits a top-up whole and charges the fee on top', async () => {
    const { call, newAccount } = admin();
    const { id } = await newAccount();
    const body = { amount_usd: '10.000000001', reference: 'pay-1', memo: 'card' };
    const paid = await call('POST', `/api/accounts/${id}/wallet/topups`, { body });
    assert.deepEqual(
      [paid.status, paid.json],
      [
        201,
        {
          credited_usd: '10.000000001',
          fee_usd: '0.500000001',
          charged_usd: '10.500000002',
          balance_usd: '10.000000001',
          repeated: false,
        },
      ],
    );
    assert.deepEqual((await call('GET', `/api/accounts/${id}/wallet`)).json, {
      balance_usd: '10.000000001',
      held_usd: '0.000000000',
      available_usd: '10.000000001',
      auto_topup: null,
      unlimited: false,
    });
  });

  it('credits a reference once, also when it comes twenty times at once', async () => {
    const { call, newAccount } = admin();
    const { id } = await newAccount();
    const path = `/api/accounts/${id}/wallet/topups`;
    const body = { amount_usd: '5', reference: 'pay-2' };
    const replies = await Promise.all(Array.from({ length: 20 }, () => call('POST', path, { body })));
    assert.ok(replies.every((reply) => reply.status === 201 && reply.json.balance_usd === '5.000000000'));
    assert.equal(replies.filter((reply) => reply.json.repeated === false).length, 1);
    assert.ok(replies.every((reply) => reply.json.fee_usd === '0.250000000'));
    const other = await call('POST', path, { body: { ...body, amount_usd: '6' } });
    assert.deepEqual([other.status, errorOf(other).param], [409, 'reference']);
  });

  it('grants without a fee, refunds a request once, and lists entries that sum up to the balance', async () => {
    const { call, newAccount } = admin();
    const { id, key, keyId } = await newAccount();
    const granted = await call('POST', `/api/accounts/${id}/wallet/grants`, { body: { amount_usd: '3', memo: 'hi' } });
    assert.deepEqual([granted.json.fee_usd, granted.json.charged_usd], ['0.000000000', '0.000000000']);
    for (const count of [1, 2, 3]) await charge(admin(), id, keyId, `req_${id}_${count}`, 250_000_000n);
    const refund = { request_id: `req_${id}_2`, reason: 'wrong language' };
    const first = await call('POST', `/api/accounts/${id}/wallet/refunds`, { body: refund });
    assert.deepEqual([first.status, first.json.credited_usd, first.json.repeated], [201, '0.250000000', false]);
    const again = await call('POST', `/api/accounts/${id}/wallet/refunds`, { body: refund });
    assert.deepEqual([again.json.repeated, again.json.balance_usd], [true, first.json.balance_usd]);

    const entries = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await call('GET', `/api/me/ledger?limit=2${cursor && `&cursor=${cursor}`}`, { key });
      entries.push(...dataOf(page));
      cursor = typeof page.json.next_cursor === 'string' ? page.json.next_cursor : null;
    }
    assert.deepEqual(
      entries.map((entry) => [entry.kind, entry.amount_usd]),
      [
        ['refund', '0.250000000'],
        ['charge', '-0.250000000'],
        ['charge', '-0.250000000'],
        ['charge', '-0.250000000'],
        ['grant', '3.000000000'],
      ],
    );
    const sum = entries.reduce((total, { amount_usd }) => total + signed(String(amount_usd)), 0n);
    const { balance_usd } = (await call('GET', '/api/me/wallet', { key })).json;
    assert.equal(sum, signed(String(balance_usd)));
    assert.equal(entries[0]?.balance_usd, balance_usd);
    assert.equal(entries[0]?.memo, 'wrong language');
  });

  it('shows what is held apart from what is there', async () => {
    const { call, newAccount, ledger } = admin();
    const { id } = await newAccount();
    await call('POST', `/api/accounts/${id}/wallet/grants`, { body: { amount_usd: '2' } });
    const ask = {
      accountId: id,
      chargeKey: 'one',
      amountNanos: 500_000_000n,
      ttlMs: 60_000,
      requestId: null,
      key: null,
    };
    const hold = await ledger.reserve(ask);
    const wallet = await call('GET', `/api/accounts/${id}/wallet`);
    assert.deepEqual(
      [wallet.json.balance_usd, wallet.json.held_usd, wallet.json.available_usd],
      ['2.000000000', '0.500000000', '1.500000000'],
    );
    await ledger.void(hold, null);
  });

  it('names the field that is wrong', async () => {
    const { call, newAccount } = admin();
    const { id } = await newAccount();
    for (const amount_usd of ['0', '-5', '1e3', '1.0000000001', '', 5, '1000000001', null]) {
      for (const kind of ['topups', 'grants']) {
        const reply = await call('POST', `/api/accounts/${id}/wallet/${kind}`, { body: { amount_usd } });
        assert.deepEqual([reply.status, errorOf(reply).param], [400, 'amount_usd'], String(amount_usd));
      }
    }
    const refund = await call('POST', `/api/accounts/${id}/wallet/refunds`, { body: {} });
    assert.deepEqual([refund.status, errorOf(refund).param], [400, 'request_id']);
    const unknown = await call('POST', `/api/accounts/${id}/wallet/refunds`, { body: { request_id: 'req_none' } });
    assert.deepEqual([unknown.status, errorOf(unknown).param], [404, 'request_id']);
  });

  it('has the three built-in plans, and takes plans with prices', async () => {
    const { call } = admin();
    const builtIn = dataOf(await call('GET', '/api/plans')).map((plan) => [plan.id, plan.transcription, plan.billing]);
    assert.deepEqual(builtIn, [
      ['free', false, 'wallet'],
      ['payg', true, 'wallet'],
      ['unlimited', true, 'unlimited'],
    ]);
    const plan = {
      id: 'team',
      name: 'Team',
      transcription: true,
      billing: 'wallet',
      allowed_models: ['flux-voice'],
      max_upload_mb: 12.5,
      requests_per_minute: 120,
      audio_seconds_per_minute: null,
      max_concurrent: 8,
      max_live_streams: 0,
      prices: {
        'flux-voice': { per_minute_usd: '0.080000000', minimum_seconds: 2.5, live_per_minute_usd: null },
      },
    };
    const made = await call('POST', '/api/plans', { body: plan });
    assert.deepEqual([made.status, made.json], [201, { ...plan, built_in: false }], made.text);
    const changed = await call('PATCH', '/api/plans/team', { body: { max_upload_mb: null, prices: {} } });
    assert.deepEqual(changed.json, { ...made.json, max_upload_mb: null, prices: {} });
    assert.deepEqual((await call('GET', '/api/plans/team')).json, changed.json);
  });

  it('names the field of a plan that is wrong', async () => {
    const { call } = admin();
    const taken = await call('POST', '/api/plans', { body: { id: 'free', name: 'again' } });
    assert.deepEqual([taken.status, errorOf(taken).code, errorOf(taken).param], [409, 'conflict', 'id']);
    const wrong: [Record<string, unknown>, string][] = [
      [{ name: 'x' }, 'id'],
      [{ id: 'Big Plan', name: 'x' }, 'id'],
      [{ id: 'x', name: 'x', max_upload_mb: -1 }, 'max_upload_mb'],
      [{ id: 'x', name: 'x', prices: { a: { per_minute_usd: 'much' } } }, 'prices.a.per_minute_usd'],
    ];
    for (const [body, param] of wrong) {
      const reply = await call('POST', '/api/plans', { body });
      assert.deepEqual([reply.status, errorOf(reply).param], [400, param], JSON.stringify(body));
    }
    assert.equal((await call('PATCH', '/api/plans/nothing', { body: { name: 'x' } })).status, 404);
    const billing = await call('PATCH', '/api/plans/unlimited', { body: { billing: 'wallet' } });
    assert.deepEqual([billing.status, errorOf(billing).param], [409, 'billing']);
  });
});

async function charge({ ledger }: AdminGateway, accountId: string, keyId: string, requestId: string, cost: bigint) {
  const hold = await ledger.reserve({
    accountId,
    chargeKey: requestId,
    amountNanos: cost,
    ttlMs: 60_000,
    requestId,
    key: { id: keyId, budgetNanos: null },
  });
  const record = requestRecord({ id: requestId, accountId, keyId, costNanos: cost });
  await ledger.settle(hold, { costNanos: cost, providerCostNanos: 0n, record });
}

function signed(dollars: string): bigint {
  return dollars.startsWith('-') ? -parseDollars(dollars.slice(1)) : parseDollars(dollars);
}
