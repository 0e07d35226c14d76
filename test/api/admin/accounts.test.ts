import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeAdmin, errorOf, operatorKey } from '../../helpers/admin-gateway.ts';

describeAdmin('accounts over HTTP', (admin) => {
  it('makes an account, finds it, changes what is given and suspends it', async () => {
    const { call } = admin();
    const made = await call('POST', '/api/accounts', { body: { name: 'Acme' } });
    assert.equal(made.status, 201);
    const { id, created_at, ...rest } = made.json;
    assert.deepEqual(rest, { name: 'Acme', plan: 'payg', status: 'active' });
    assert.match(String(created_at), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual((await call('GET', `/api/accounts/${id}`)).json, made.json);
    const renamed = await call('PATCH', `/api/accounts/${id}`, { body: { name: 'Acme & Söhne' } });
    assert.deepEqual(renamed.json, { ...made.json, name: 'Acme & Söhne' });
    const moved = await call('PATCH', `/api/accounts/${id}`, { body: { plan: 'free', status: 'suspended' } });
    assert.deepEqual([moved.status, moved.json.plan, moved.json.status], [200, 'free', 'suspended']);
  });

  it('refuses the keys of a suspended account, and takes them again later', async () => {
    const { call, newAccount } = admin();
    const { id, key } = await newAccount();
    assert.equal((await call('GET', '/api/me', { key })).status, 200);
    await call('PATCH', `/api/accounts/${id}`, { body: { status: 'suspended' } });
    assert.equal((await call('GET', '/api/me', { key })).status, 403);
    await call('PATCH', `/api/accounts/${id}`, { body: { status: 'active' } });
    assert.equal((await call('GET', '/api/me', { key })).status, 200);
  });

  it('does not let a key suspend its own account, which nobody could undo', async () => {
    const { call } = admin();
    const own = await call('GET', '/api/me');
    const reply = await call('PATCH', `/api/accounts/${own.json.id}`, { body: { status: 'suspended' } });
    assert.deepEqual([reply.status, errorOf(reply).param], [409, 'status']);
  });

  it('gives every account once over its pages, also when others are made meanwhile', async () => {
    const { call, newAccount } = admin();
    const wanted = new Set<string>();
    for (let count = 0; count < 5; count++) wanted.add((await newAccount()).id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await call('GET', `/api/accounts?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      assert.equal(page.status, 200, page.text);
      const { data, next_cursor } = page.json as { data: { id: string }[]; next_cursor: string | null };
      assert.ok(data.length <= 2);
      seen.push(...data.map((account) => account.id));
      cursor = next_cursor;
      await newAccount();
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(new Set(seen.filter((id) => wanted.has(id))), wanted);
  });

  it('names the field that is wrong', async () => {
    const { call } = admin();
    const { id } = await admin().newAccount();
    const wrong: [string, string, unknown, string][] = [
      ['POST', '/api/accounts', {}, 'name'],
      ['POST', '/api/accounts', { name: 'x', colour: 'red' }, 'colour'],
      ['POST', '/api/accounts', { name: 'nul\u0000' }, 'name'],
      ['POST', '/api/accounts', '{"name": "\\ud800"}', 'name'],
      ['PATCH', `/api/accounts/${id}`, { status: 'gone' }, 'status'],
      ['GET', '/api/accounts?limit=201', undefined, 'limit'],
      ['GET', '/api/accounts?limit=0', undefined, 'limit'],
      ['GET', '/api/accounts?cursor=nonsense', undefined, 'cursor'],
      ['GET', `/api/accounts?cursor=${madeCursor(['2026-99-99 99:99:99+00', 'x'])}`, undefined, 'cursor'],
      ['GET', `/api/accounts?cursor=${madeCursor(['2026-11-21 10:00:00+00', 'nul\u0000'])}`, undefined, 'cursor'],
      ['GET', '/api/accounts?offset=3', undefined, 'offset'],
    ];
    for (const [method, path, body, param] of wrong) {
      const reply = await call(method, path, { body });
      assert.deepEqual([reply.status, errorOf(reply).code, errorOf(reply).param], [400, 'invalid_value', param], path);
    }
    for (const path of ['/api/accounts/nul%00', '/api/accounts/%21%28%3Dz%EF%BF%BD/wallet']) {
      const reply = await call('GET', path);
      assert.deepEqual([reply.status, errorOf(reply).code, errorOf(reply).param], [404, 'not_found', 'id'], path);
    }
    const planless = await call('POST', '/api/accounts', { body: { name: 'x', plan: 'no-such-plan' } });
    assert.deepEqual([planless.status, errorOf(planless).param], [404, 'plan']);
    assert.equal((await call('POST', '/api/accounts', { body: 'not JSON' })).status, 400);
    assert.equal((await call('POST', '/api/accounts')).status, 400);
  });

  it('answers 404 for an account that is not there, wherever it is named', async () => {
    const { call } = admin();
    const paths = ['', '/keys', '/wallet', '/ledger', '/provider-keys'];
    for (const path of paths) {
      const reply = await call('GET', `/api/accounts/acc_nobody${path}`);
      assert.deepEqual([reply.status, errorOf(reply).code, errorOf(reply).param], [404, 'not_found', 'id'], path);
    }
    const grant = await call('POST', '/api/accounts/acc_nobody/wallet/grants', { body: { amount_usd: '1' } });
    assert.equal(grant.status, 404);
  });

  it('asks for a key, and for one with the scope admin, before it looks at anything', async () => {
    const { call, newAccount } = admin();
    const { id, key } = await newAccount();
    const routes = [
      ['GET', '/api/accounts'],
      ['POST', '/api/accounts'],
      ['GET', `/api/accounts/${id}`],
      ['PATCH', `/api/accounts/${id}`],
      ['GET', `/api/accounts/${id}/keys`],
      ['POST', `/api/accounts/${id}/keys`],
      ['PATCH', `/api/accounts/${id}/keys/key_x`],
      ['DELETE', `/api/accounts/${id}/keys/key_x`],
      ['POST', `/api/accounts/${id}/keys/key_x/tokens`],
      ['GET', `/api/accounts/${id}/wallet`],
      ['POST', `/api/accounts/${id}/wallet/topups`],
      ['POST', `/api/accounts/${id}/wallet/grants`],
      ['POST', `/api/accounts/${id}/wallet/refunds`],
      ['GET', `/api/accounts/${id}/ledger`],
      ['GET', `/api/accounts/${id}/provider-keys`],
      ['PUT', `/api/accounts/${id}/provider-keys/openai`],
      ['DELETE', `/api/accounts/${id}/provider-keys/openai`],
      ['POST', `/api/accounts/${id}/provider-keys/openai/test`],
      ['GET', '/api/usage'],
      ['GET', '/api/requests'],
      ['GET', '/api/requests/req_x'],
      ['GET', '/api/providers'],
      ['GET', '/api/plans'],
      ['POST', '/api/plans'],
      ['PATCH', '/api/plans/free'],
      ['GET', '/api/audit'],
    ] as const;
    for (const [method, path] of routes) {
      const without = await call(method, path, { key: null });
      assert.deepEqual([without.status, errorOf(without).code], [401, 'invalid_api_key'], `${method} ${path}`);
      const common = await call(method, path, { key });
      assert.deepEqual([common.status, errorOf(common).code], [403, 'permission_denied'], `${method} ${path}`);
    }
    for (const path of ['', '/keys', '/wallet', '/ledger', '/provider-keys', '/usage', '/requests']) {
      assert.equal((await call('GET', `/api/me${path}`, { key: null })).status, 401, path);
      assert.equal((await call('GET', `/api/me${path}`, { key })).status, 200, path);
    }
  });

  it('writes down every act with who did it and when, and never a key', async () => {
    const { call, newAccount } = admin();
    const { id, key, keyId } = await newAccount();
    await call('PATCH', `/api/accounts/${id}`, { body: { name: 'Other' } });
    await call('PATCH', `/api/accounts/${id}/keys/${keyId}`, { body: { local_only: true } });
    await call('POST', `/api/accounts/${id}/keys/${keyId}/tokens`);
    await call('PUT', `/api/accounts/${id}/provider-keys/openai`, { body: { api_key: 'sk-secret-of-a-vendor' } });
    await call('POST', `/api/accounts/${id}/provider-keys/openai/test`);
    await call('DELETE', `/api/accounts/${id}/provider-keys/openai`);
    await call('POST', `/api/accounts/${id}/wallet/topups`, { body: { amount_usd: '1', reference: 'pay-1' } });
    await call('POST', `/api/accounts/${id}/wallet/grants`, { body: { amount_usd: '1' } });
    await call('DELETE', `/api/accounts/${id}/keys/${keyId}`);
    const log = await call('GET', `/api/audit?account_id=${id}`);
    const { data } = log.json as { data: { action: string; actor_key_id: string; request_id: string; at: string }[] };
    assert.deepEqual(
      data.map((entry) => entry.action),
      [
        'key.revoke',
        'wallet.grant',
        'wallet.topup',
        'provider_key.remove',
        'provider_key.test',
        'provider_key.set',
        'token.create',
        'key.update',
        'account.update',
        'key.create',
        'account.create',
      ],
    );
    const acting = (await call('GET', '/api/me/keys')).json as { data: { id: string }[] };
    for (const entry of data) {
      assert.equal(entry.actor_key_id, acting.data[0]?.id);
      assert.match(entry.request_id, /^req_/);
      assert.ok(!Number.isNaN(Date.parse(entry.at)));
    }
    for (const secret of [key, 'sk-secret-of-a-vendor', operatorKey]) assert.ok(!log.text.includes(secret));
    const page = await call('GET', `/api/audit?account_id=${id}&limit=4`);
    const rest = await call('GET', `/api/audit?account_id=${id}&cursor=${page.json.next_cursor}`);
    assert.equal((rest.json as { data: unknown[] }).data.length, data.length - 4);
  });
});

function madeCursor(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}
