import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeDatabases } from '../../test/helpers/databases.ts';
import { silentLog } from '../core/log.ts';
import type { RequestRecord } from '../metering/usage-store.ts';
import { createAccountStore } from './account-store.ts';
import { createLedgerStore } from './ledger-store.ts';
import { type OpenUsageStore, openUsageStore } from './usage-store.ts';

const dayMs = 24 * 3600 * 1000;
const start = Date.UTC(2026, 10, 1);

function record(id: string, more: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    atMs: start,
    accountId: 'acc_usage',
    keyId: 'key_1',
    kind: 'transcription',
    model: 'flux-voice',
    routedModel: 'local/moonshine-tiny',
    provider: 'local',
    status: 200,
    errorCode: null,
    audioMs: 2_000,
    billedMs: 10_000,
    probedMs: 2_000,
    decodedMs: 2_001,
    vendorMs: null,
    inputTokens: 0,
    outputTokens: 0,
    costNanos: 16_666_667n,
    providerCostNanos: 0n,
    byok: false,
    latencyMs: 80,
    attempts: [{ provider: 'local', model: 'moonshine-tiny', outcome: 'ok', latencyMs: 70 }],
    ...more,
  };
}

const everything = {
  fromMs: null,
  toMs: null,
  accountId: null,
  keyId: null,
  model: null,
  provider: null,
  failedOnly: false,
};
const period = {
  fromMs: start,
  toMs: start + 30 * dayMs,
  accountId: 'acc_usage',
  keyId: null,
  model: null,
  provider: null,
};

describeDatabases('usage', (database) => {
  let usage: OpenUsageStore;
  before(async () => {
    usage = openUsageStore(database(), silentLog);
    const failure = { status: 503, errorCode: 'bad_gateway', provider: null, costNanos: 0n, billedMs: 0 };
    usage.record(record('req_1'));
    usage.record(record('req_2', { atMs: start + dayMs, model: 'whisper-1', provider: 'openai', byok: true }));
    usage.record(record('req_3', { atMs: start + dayMs + 1, ...failure }));
    usage.record(record('req_4', { atMs: start + 2 * dayMs, keyId: 'key_2', inputTokens: 5, outputTokens: 7 }));
    usage.record(record('req_1', { status: 500 }));
    await usage.flush();
  });
  after(() => usage.close());

  it('gives a row back as it was, once, and only to its account', async () => {
    assert.deepEqual(await usage.find('req_1', 'acc_usage'), record('req_1'));
    assert.equal(await usage.find('req_1', 'acc_other'), null);
    assert.equal(await usage.find('req_none', null), null);
  });

  it('lists newest first in pages, filtered', async () => {
    const ids = async (filter: Partial<typeof everything> & object, limit = 50) =>
      (await usage.list({ ...everything, accountId: 'acc_usage', ...filter }, { limit, cursor: null })).items.map(
        (one) => one.id,
      );
    assert.deepEqual(await ids({}), ['req_4', 'req_3', 'req_2', 'req_1']);
    assert.deepEqual(await ids({ failedOnly: true }), ['req_3']);
    const page = await usage.list({ ...everything, accountId: 'acc_usage' }, { limit: 3, cursor: null });
    const rest = await usage.list({ ...everything, accountId: 'acc_usage' }, { limit: 3, cursor: page.nextCursor });
    assert.deepEqual([rest.items.map((one) => one.id), rest.nextCursor], [['req_1'], null]);
  });

  it('sums by day, model, provider, key, account and status, in pages that lose nothing', async () => {
    const [one] = (await usage.sum({ ...period, groupBy: ['account'] }, { limit: 50, cursor: null })).items;
    assert.deepEqual(one, {
      groups: { account: 'acc_usage' },
      requests: 4,
      errors: 1,
      audioMs: 8_000,
      billedMs: 30_000,
      inputTokens: 5,
      outputTokens: 7,
      costNanos: 50_000_001n,
      providerCostNanos: 0n,
    });
    const seen = [];
    let cursor: string | null = null;
    do {
      const groupBy = ['day', 'provider', 'status', 'model', 'key'] as const;
      const page: Awaited<ReturnType<OpenUsageStore['sum']>> = await usage.sum(
        { ...period, groupBy },
        { limit: 1, cursor },
      );
      seen.push(...page.items.map((row) => Object.values(row.groups).join(' ')));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen, [
      '2026-11-01 local 200 flux-voice key_1',
      '2026-11-02  503 flux-voice key_1',
      '2026-11-02 openai 200 whisper-1 key_1',
      '2026-11-03 local 200 flux-voice key_2',
    ]);
    const filtered = await usage.sum(
      { ...period, keyId: 'key_2', toMs: start, groupBy: ['day'] },
      { limit: 5, cursor: null },
    );
    assert.deepEqual(filtered.items, []);
  });

  it('compares what was billed with what was probed, decoded and reported by vendors', async () => {
    const atMs = start + 100 * dayMs;
    const vendor = { atMs, provider: 'openai', routedModel: 'openai/whisper-1' };
    usage.record(record('req_r1', { ...vendor, vendorMs: 2_004 }));
    usage.record(record('req_r2', { ...vendor, vendorMs: 9_000 }));
    usage.record(record('req_r3', { ...vendor, status: 502, vendorMs: 5 }));
    usage.record(record('req_r4', { atMs }));
    await usage.flush();
    const rows = await usage.reconcile({ fromMs: atMs, toMs: atMs + 1, toleranceMs: 100 });
    const [local, openai] = rows;
    assert.equal(rows.length, 2);
    assert.deepEqual([local?.provider, local?.vendorRequests, local?.disagreements], ['local', 0, 0]);
    assert.deepEqual(openai, {
      provider: 'openai',
      routedModel: 'openai/whisper-1',
      requests: 2,
      audioMs: 4_000,
      billedMs: 20_000,
      probedMs: 4_000,
      decodedRequests: 2,
      decodedMs: 4_002,
      vendorRequests: 2,
      vendorMs: 11_004,
      audioMsOfVendorRequests: 4_000,
      disagreements: 1,
    });
  });

  it('writes the row with the charge, and says what was charged', async () => {
    const { id } = await createAccountStore(database()).create({ name: 'x', planId: 'payg' });
    const ledger = createLedgerStore(database());
    await ledger.grant({ accountId: id, amountNanos: 10_000_000n, reference: null, memo: null });
    const hold = await ledger.reserve({
      accountId: id,
      chargeKey: 'c',
      amountNanos: 10_000_000n,
      ttlMs: 60_000,
      requestId: 'req_paid',
      key: null,
    });
    const row = record('req_paid', { accountId: id });
    await ledger.settle(hold, { costNanos: row.costNanos, providerCostNanos: 0n, record: row });
    await ledger.settle(hold, { costNanos: row.costNanos, providerCostNanos: 0n, record: row });
    assert.deepEqual(await usage.find('req_paid', id), { ...row, costNanos: 10_000_000n });
  });

  it('removes what is older than the retention, so many at a time', async () => {
    assert.equal(await usage.prune(start + dayMs + 1, 1), 1);
    assert.equal(await usage.prune(start + dayMs + 1, 10), 1 + 1);
    assert.equal(await usage.find('req_2', null), null);
    assert.ok(await usage.find('req_3', null));
  });
});
