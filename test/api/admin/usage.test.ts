import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { dataOf, describeAdmin, errorOf } from '../../helpers/admin-gateway.ts';
import { requestRecord } from '../../helpers/request-records.ts';

describeAdmin('usage over HTTP', (admin) => {
  let first = { id: '', key: '', keyId: '' };
  let second = { id: '', key: '', keyId: '' };
  const span = 'from=2026-11-01&to=2026-11-04';

  before(async () => {
    const { usage, newAccount } = admin();
    first = await newAccount();
    second = await newAccount();
    const of = ({ id: accountId, keyId }: typeof first, id: string, day: number, more = {}) =>
      usage.record(requestRecord({ id, accountId, keyId, atMs: Date.UTC(2026, 10, day, 12), ...more }));
    of(first, 'req_1', 1);
    of(first, 'req_2', 1, { model: '=HYPERLINK("x")', vendorMs: 30_000 });
    of(first, 'req_3', 2, {
      provider: null,
      routedModel: null,
      status: 503,
      errorCode: 'service_unavailable',
      audioMs: 0,
      billedMs: 0,
      costNanos: 0n,
      attempts: [{ provider: 'openai', model: 'openai/whisper-1', outcome: 'timeout', latencyMs: 9, reason: 'slow' }],
    });
    of(second, 'req_4', 3, { costNanos: 1n, byok: true });
    await usage.flush();
  });

  it('sums by day, over all accounts or one', async () => {
    const { call } = admin();
    const all = await call('GET', `/api/usage?${span}`);
    assert.equal(all.status, 200, all.text);
    assert.deepEqual(
      dataOf(all).map((row) => [row.day, row.requests, row.errors, row.billed_seconds, row.cost_usd]),
      [
        ['2026-11-01', 2, 0, 60, '1.000000000'],
        ['2026-11-02', 1, 1, 0, '0.000000000'],
        ['2026-11-03', 1, 0, 30, '0.000000001'],
      ],
    );
    const one = await call('GET', `/api/usage?${span}&account_id=${second.id}&group_by=account,key,status`);
    assert.deepEqual(dataOf(one), [
      {
        account: second.id,
        key: second.keyId,
        status: '200',
        requests: 1,
        errors: 0,
        audio_seconds: 30,
        billed_seconds: 30,
        input_tokens: 0,
        output_tokens: 0,
        cost_usd: '0.000000001',
        provider_cost_usd: '0.000000000',
      },
    ]);
    const model = encodeURIComponent('=HYPERLINK("x")');
    const filtered = await call('GET', `/api/usage?${span}&model=${model}&provider=local&key_id=${first.keyId}`);
    assert.deepEqual(
      dataOf(filtered).map((row) => row.requests),
      [1],
    );
  });

  it('gives every group once over its pages', async () => {
    const { call } = admin();
    const rows = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const more = cursor && `&cursor=${encodeURIComponent(cursor)}`;
      const page = await call('GET', `/api/usage?${span}&group_by=day,model,provider&limit=1${more}`);
      rows.push(...dataOf(page));
      cursor = typeof page.json.next_cursor === 'string' ? page.json.next_cursor : null;
    }
    assert.deepEqual(
      rows.map((row) => [row.day, row.model, row.provider]),
      [
        ['2026-11-01', '=HYPERLINK("x")', 'local'],
        ['2026-11-01', 'flux-voice', 'local'],
        ['2026-11-02', 'flux-voice', null],
        ['2026-11-03', 'flux-voice', 'local'],
      ],
    );
  });

  it('writes one CSV file that a spreadsheet does not take for formulas', async () => {
    const { call } = admin();
    const file = await call('GET', `/api/usage?${span}&group_by=model,provider&format=csv&limit=1`);
    assert.match(String(file.headers.get('content-type')), /^text\/csv/);
    assert.match(String(file.headers.get('content-disposition')), /usage\.csv/);
    assert.equal(
      file.text,
      [
        'model,provider,requests,errors,audio_seconds,billed_seconds,input_tokens,output_tokens,cost_usd,provider_cost_usd',
        `"'=HYPERLINK(""x"")",local,1,0,30,30,0,0,0.500000000,0.000000000`,
        'flux-voice,,1,1,0,0,0,0,0.000000000,0.000000000',
        'flux-voice,local,2,0,60,60,0,0,0.500000001,0.000000000',
        '',
      ].join('\r\n'),
    );
  });

  it('shows requests newest first, with their attempts and without anything that was said', async () => {
    const { call } = admin();
    const all = dataOf(await call('GET', `/api/requests?${span}`));
    assert.deepEqual(
      all.map((row) => row.id),
      ['req_4', 'req_3', 'req_2', 'req_1'],
    );
    const failed = dataOf(await call('GET', `/api/requests?${span}&failed=true`));
    assert.deepEqual(failed, [all[1]]);
    assert.deepEqual((await call('GET', '/api/requests/req_3')).json, {
      id: 'req_3',
      at: '2026-11-02T12:00:00.000Z',
      account_id: first.id,
      key_id: first.keyId,
      kind: 'transcription',
      model: 'flux-voice',
      routed_model: null,
      provider: null,
      status: 503,
      error_code: 'service_unavailable',
      audio_seconds: 0,
      billed_seconds: 0,
      input_tokens: 0,
      output_tokens: 0,
      cost_usd: '0.000000000',
      byok: false,
      latency_ms: 800,
      attempts: [{ provider: 'openai', model: 'openai/whisper-1', outcome: 'timeout', latency_ms: 9, reason: 'slow' }],
    });
    const page = await call('GET', `/api/requests?${span}&limit=3`);
    const rest = await call('GET', `/api/requests?${span}&limit=3&cursor=${page.json.next_cursor}`);
    assert.deepEqual([...dataOf(page), ...dataOf(rest)], all);
  });

  it("keeps a key to its own account's requests, whatever it asks for", async () => {
    const { call } = admin();
    const { key } = second;
    assert.deepEqual(
      dataOf(await call('GET', `/api/me/usage?${span}&group_by=account`, { key })).map((row) => row.account),
      [second.id],
    );
    assert.deepEqual(dataOf(await call('GET', `/api/me/requests?${span}&key_id=${first.keyId}`, { key })), []);
    assert.deepEqual(
      dataOf(await call('GET', '/api/me/requests', { key })).map((row) => row.id),
      ['req_4'],
    );
    assert.equal((await call('GET', '/api/me/requests/req_4', { key })).status, 200);
    const other = await call('GET', '/api/me/requests/req_1', { key });
    assert.deepEqual([other.status, errorOf(other).param], [404, 'id']);
    const foreign = await call('GET', `/api/me/usage?account_id=${first.id}`, { key });
    assert.deepEqual([foreign.status, errorOf(foreign).param], [400, 'account_id']);
    const csv = await call('GET', `/api/me/usage?${span}&format=csv`, { key });
    assert.equal(csv.text.trim().split('\r\n').length, 2);
  });

  it('lays billed lengths beside those of packets, samples and vendors', async () => {
    const { call } = admin();
    const [row, ...others] = dataOf(await call('GET', `/api/usage/reconcile?${span}`));
    assert.deepEqual(others, []);
    assert.deepEqual(row, {
      provider: 'local',
      routed_model: 'local/moonshine-tiny',
      requests: 3,
      audio_seconds: 90,
      billed_seconds: 90,
      probed_seconds: 90,
      decoded_requests: 3,
      decoded_seconds: 90,
      vendor_requests: 1,
      vendor_seconds: 30,
      audio_seconds_of_vendor_requests: 30,
      disagreements: 0,
    });
    const { key } = first;
    assert.equal((await call('GET', '/api/usage/reconcile', { key })).status, 403);
    assert.equal(errorOf(await call('GET', '/api/usage/reconcile?tolerance_seconds=-1')).param, 'tolerance_seconds');
  });

  it('names the field that is wrong', async () => {
    const { call } = admin();
    const wrong = [
      ['group_by=day,colour', 'group_by'],
      ['group_by=', 'group_by'],
      ['format=xml', 'format'],
      ['from=yesterday', 'from'],
      ['from=0000-01-01', 'from'],
      ['from=2026-02-30', 'from'],
      ['from=2026-11-04&to=2026-11-04', 'from'],
      ['model=%00', 'model'],
      ['limit=1000', 'limit'],
      ['cursor=WyJhIl0', null],
      ['cursor=WyJhIiwiYiJd', 'cursor'],
    ] as const;
    for (const [query, param] of wrong) {
      const reply = await call('GET', `/api/usage?${query}`);
      if (param === null) assert.equal(reply.status, 200, query);
      else assert.deepEqual([reply.status, errorOf(reply).param], [400, param], query);
    }
    assert.equal(errorOf(await call('GET', '/api/requests?failed=perhaps')).param, 'failed');
  });
});
