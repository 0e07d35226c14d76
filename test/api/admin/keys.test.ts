import assert from 'node:assert/strict';
import { it } from 'node:test';
import { dataOf, describeAdmin, errorOf } from '../../helpers/admin-gateway.ts';

describeAdmin('keys and vendor keys over HTTP', (admin) => {
  it('shows a new key once, and never again nor in the log', async () => {
    const { call, gateway, newAccount } = admin();
    const { id } = await newAccount();
    const made = await call('POST', `/api/accounts/${id}/keys`, { body: { name: 'notes', scopes: ['transcribe'] } });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('cache-control'), 'no-store');
    const { key, ...shown } = made.json;
    const text = String(key);
    assert.match(text, /^flux_/);
    assert.equal(shown.prefix, text.slice(0, 12));
    assert.deepEqual((await call('GET', `/api/accounts/${id}/keys/${shown.id}`)).json, shown);
    const others = await Promise.all(['/api/audit', `/api/accounts/${id}/keys`].map((path) => call('GET', path)));
    const own = await call('GET', '/api/me/keys', { key: text });
    assert.equal(own.status, 200);
    for (const reply of [...others, own]) assert.ok(!reply.text.includes(text));
    assert.ok(gateway.logLines.length > 0 && gateway.logLines.every((line) => !line.includes(text.slice(12))));
  });

  it('keeps every limit that is given, changes what is given later, and takes limits away with null', async () => {
    const { call, newAccount } = admin();
    const { id } = await newAccount();
    const limits = {
      scopes: ['transcribe', 'live'],
      allowed_models: ['flux-voice'],
      local_only: true,
      monthly_budget_usd: '25.000000000',
      max_price_usd_per_minute: '0.100000001',
      requests_per_minute: 60,
      audio_seconds_per_minute: 3600,
      max_concurrent: 4,
      expires_at: '2099-01-01T00:00:00.000Z',
    };
    const made = await call('POST', `/api/accounts/${id}/keys`, { body: { name: 'bounded', ...limits } });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual({ ...made.json, ...limits }, made.json);
    const path = `/api/accounts/${id}/keys/${made.json.id}`;
    const changed = await call('PATCH', path, {
      body: { name: 'looser', monthly_budget_usd: null, max_concurrent: 8 },
    });
    assert.deepEqual(
      { ...changed.json, key: made.json.key },
      { ...made.json, name: 'looser', monthly_budget_usd: null, max_concurrent: 8 },
    );
  });

  it('refuses a revoked key at once, and keeps it in the list', async () => {
    const { call, newAccount } = admin();
    const { id, key, keyId } = await newAccount();
    assert.equal((await call('GET', '/api/me', { key })).status, 200);
    const gone = await call('DELETE', `/api/accounts/${id}/keys/${keyId}`);
    assert.deepEqual([gone.status, gone.text], [204, '']);
    assert.equal((await call('GET', '/api/me', { key })).status, 401);
    assert.equal((await call('DELETE', `/api/accounts/${id}/keys/${keyId}`)).status, 204);
    const [row] = dataOf(await call('GET', `/api/accounts/${id}/keys`));
    assert.equal(typeof row?.revoked_at, 'string');
    const change = await call('PATCH', `/api/accounts/${id}/keys/${keyId}`, { body: { name: 'again' } });
    assert.deepEqual([change.status, errorOf(change).param], [404, 'key_id']);
  });

  it('takes an empty body that is called JSON for none, as many clients send it', async () => {
    const { call, newAccount } = admin();
    const { id, keyId } = await newAccount();
    const path = `/api/accounts/${id}/keys/${keyId}`;
    assert.equal((await call('POST', `${path}/tokens`, { body: '' })).status, 201);
    assert.equal((await call('DELETE', path, { body: '' })).status, 204);
    assert.equal((await call('POST', `/api/accounts/${id}/keys`, { body: '' })).status, 400);
    assert.equal(
      (await call('POST', `/api/accounts/${id}/keys`, { body: '{"__proto__": {}, "name": "x"}' })).status,
      400,
    );
  });

  it('does not find a key under another account', async () => {
    const { call, newAccount } = admin();
    const { keyId, key } = await newAccount();
    const other = await newAccount();
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'mine' }],
      ['DELETE', '', undefined],
      ['POST', '/tokens', {}],
    ] as const) {
      const reply = await call(method, `/api/accounts/${other.id}/keys/${keyId}${path}`, { body });
      assert.deepEqual([reply.status, errorOf(reply).param], [404, 'key_id'], method);
    }
    assert.equal((await call('GET', '/api/me', { key })).status, 200);
  });

  it('mints browser tokens that know nothing of the account', async () => {
    const { call, newAccount } = admin();
    const { id, key, keyId } = await newAccount();
    const minted = await call('POST', `/api/accounts/${id}/keys/${keyId}/tokens`, { body: { ttl_seconds: 300 } });
    assert.equal(minted.status, 201);
    const granted = await call('POST', '/v1/auth/grant', { key, body: { ttl_seconds: 30 } });
    assert.equal(granted.json.access_token, granted.json.token);
    assert.ok(Number(granted.json.expires_in) <= 30);
    for (const token of [String(minted.json.token), String(granted.json.token)]) {
      for (const [method, path] of [
        ['GET', '/api/me'],
        ['GET', '/api/me/keys'],
        ['POST', '/v1/auth/grant'],
        ['GET', '/api/accounts'],
      ] as const) {
        assert.equal((await call(method, path, { key: token })).status, 403, `${method} ${path}`);
      }
    }
  });

  it('gives no token for a key that opens no sockets', async () => {
    const { call, newAccount } = admin();
    const { id, key, keyId } = await newAccount('payg', ['transcribe']);
    const minted = await call('POST', `/api/accounts/${id}/keys/${keyId}/tokens`);
    assert.deepEqual([minted.status, errorOf(minted).param], [409, 'key_id']);
    assert.equal((await call('POST', '/v1/auth/grant', { key })).status, 403);
  });

  it('names the field that is wrong', async () => {
    const { call, newAccount } = admin();
    const { id, keyId } = await newAccount();
    const wrong: [Record<string, unknown>, string][] = [
      [{ name: '' }, 'name'],
      [{ name: 'x', scopes: ['root'] }, 'scopes'],
      [{ name: 'x', monthly_budget_usd: 25 }, 'monthly_budget_usd'],
      [{ name: 'x', monthly_budget_usd: '-1' }, 'monthly_budget_usd'],
      [{ name: 'x', max_price_usd_per_minute: '0.1234567891' }, 'max_price_usd_per_minute'],
      [{ name: 'x', monthly_budget_usd: '1000000000.1' }, 'monthly_budget_usd'],
      [{ name: 'x', requests_per_minute: 0 }, 'requests_per_minute'],
      [{ name: 'x', max_concurrent: 1.5 }, 'max_concurrent'],
      [{ name: 'x', expires_at: '2001-01-01' }, 'expires_at'],
      [{ name: 'x', expires_at: 'tomorrow' }, 'expires_at'],
      [{ name: 'x', allowed_models: ['\u0000'] }, 'allowed_models'],
      [{ name: 'x', key: 'of-my-own' }, 'key'],
    ];
    for (const [body, param] of wrong) {
      const reply = await call('POST', `/api/accounts/${id}/keys`, { body });
      assert.deepEqual([reply.status, errorOf(reply).param], [400, param], JSON.stringify(body));
    }
    for (const ttl_seconds of [0, 3601, 1.5, '60']) {
      const reply = await call('POST', `/api/accounts/${id}/keys/${keyId}/tokens`, { body: { ttl_seconds } });
      assert.deepEqual([reply.status, errorOf(reply).param], [400, 'ttl_seconds']);
    }
  });

  it('sets, lists, tests, replaces and forgets a vendor key, of which it shows four characters', async () => {
    const { call, gateway, newAccount } = admin();
    const { id, key } = await newAccount();
    const path = `/api/accounts/${id}/provider-keys/openai`;
    const secret = 'sk-vendor-secret-abcd';
    const set = await call('PUT', path, { body: { api_key: secret } });
    const { created_at: _at, ...shown } = set.json;
    assert.equal(set.status, 200, set.text);
    assert.deepEqual(shown, { provider: 'openai', base_url: null, last4: 'abcd', status: 'untested', tested_at: null });
    const tested = await call('POST', `${path}/test`);
    assert.deepEqual(tested.json, { ok: true, latency_ms: 12 });
    const own = await call('GET', '/api/me/provider-keys', { key });
    assert.deepEqual(
      dataOf(own).map((one) => [one.provider, one.status]),
      [['openai', 'working']],
    );
    const other = { api_key: 'sk-another-secret-wxyz', base_url: 'https://eu.example.com/v1' };
    const replaced = await call('PUT', path, { body: other });
    assert.deepEqual([replaced.json.last4, replaced.json.base_url], ['wxyz', other.base_url]);
    assert.equal((await call('DELETE', path)).status, 204);
    for (const [method, end] of [
      ['DELETE', ''],
      ['POST', '/test'],
    ] as const) {
      const reply = await call(method, `${path}${end}`);
      assert.deepEqual([reply.status, errorOf(reply).param], [404, 'provider']);
    }
    for (const reply of [set, tested, own, replaced]) assert.ok(!/secret/.test(reply.text));
    assert.ok(gateway.logLines.every((line) => !line.includes('secret')));
  });

  it('refuses providers that are not there and keys that no header can carry', async () => {
    const { call, newAccount } = admin();
    const { id } = await newAccount();
    const wrong: [string, Record<string, unknown>, number, string][] = [
      ['nobody', { api_key: 'sk-x' }, 404, 'provider'],
      ['OPEN%20AI', { api_key: 'sk-x' }, 404, 'provider'],
      ['openai', {}, 400, 'api_key'],
      ['openai', { api_key: 'two\r\nlines' }, 400, 'api_key'],
      ['openai', { api_key: 'sk-x', base_url: 'file:///etc/passwd' }, 400, 'base_url'],
    ];
    for (const [provider, body, status, param] of wrong) {
      const reply = await call('PUT', `/api/accounts/${id}/provider-keys/${provider}`, { body });
      assert.deepEqual([reply.status, errorOf(reply).param], [status, param], provider);
    }
  });
});
