import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import type { Log } from '../../src/core/log.ts';
import { answerJson, type VendorBehaviour, type VendorRequest } from '../helpers/fake-vendor.ts';
import { operatorKey, type PayingGateway, startPayingGateway } from '../helpers/paying-gateway.ts';
import { speech } from '../helpers/speech.ts';

const ownKey = 'sk-own-key-of-the-account-0123456789abcdef';
const masterKey = 'master-key-of-this-test-0123456789abcdef';

/** Everything that the gateway has written or said, to be searched for the key. */
const said: string[] = [];

function writingLog(): Log {
  const write = (level: string) => (fields: object, message: string) => {
    said.push(`${level} ${message} ${inspect(fields, { depth: null, showHidden: true })}`);
  };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child(fields) {
      said.push(inspect(fields));
      return log;
    },
  };
  return log;
}

const good = answerJson({ text: speech.text });
const keyOf = ({ headers }: VendorRequest) => headers.authorization;
/** A vendor that refuses the account's key, repeats it as vendors do, and takes the operator's. */
const refusesOwn: VendorBehaviour = (request, response) =>
  keyOf(request) === `Bearer ${ownKey}`
    ? answerJson({ error: { message: `Incorrect API key provided: ${ownKey}`, code: 'invalid_api_key' } }, 401)(
        request,
        response,
      )
    : good(request, response);

describe("an account's own vendor key", () => {
  let paying: PayingGateway;
  before(async () => {
    paying = await startPayingGateway({
      env: { FLUXSCRIBE_MASTER_KEY: masterKey, FLUXSCRIBE_ROUTING_RETRIES: '0' },
      log: writingLog(),
    });
  });
  after(() => paying.close());
  beforeEach(() => {
    paying.vendor.requests.length = 0;
    paying.vendor.behave(good);
  });

  async function admin(method: string, path: string, body?: object): Promise<Response> {
    const response = await fetch(`${paying.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorKey}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    said.push(`${inspect([...response.headers])} ${await response.clone().text()}`);
    return response;
  }

  async function withOwnKey(dollars: string, more: object = {}) {
    const account = await paying.account(dollars);
    const path = `/api/accounts/${account.id}/provider-keys/openai`;
    const put = await admin('PUT', path, { api_key: ownKey, ...more });
    assert.equal(put.status, 200);
    return { ...account, path };
  }

  async function ask(key: string, model = 'openai/whisper-1') {
    const answer = await paying.ask(key, { model });
    said.push(`${inspect([...answer.headers])} ${answer.text}`);
    return answer;
  }

  const sentKeys = () => paying.vendor.requests.map(keyOf);

  async function lastRow(accountId: string) {
    const { data } = (await (await admin('GET', `/api/requests?account_id=${accountId}`)).json()) as {
      data: { byok: boolean; cost_usd: string; attempts: { outcome: string; reason?: string }[] }[];
    };
    assert.ok(data[0]);
    return data[0];
  }

  it('lists the models that it alone reaches, for its account and no other', async () => {
    const { id, key } = await withOwnKey('1.00');
    const other = await paying.account('1.00');
    const listed = async (asking: string) => {
      const list = await fetch(`${paying.url}/v1/models`, { headers: { authorization: `Bearer ${asking}` } });
      const { data } = (await list.json()) as { data: { id: string; health: string }[] };
      return data.flatMap((one) => (one.id === 'deepgram/nova-3' ? [one.health] : []));
    };
    assert.deepEqual(await listed(key), []);
    const path = `/api/accounts/${id}/provider-keys/deepgram`;
    assert.equal((await admin('PUT', path, { api_key: 'another-vendors-key-0123456789' })).status, 200);
    assert.deepEqual([await listed(key), await listed(other.key)], [['ready'], []]);
    const one = await fetch(`${paying.url}/v1/models/deepgram%2Fnova-3`, {
      headers: { authorization: `Bearer ${key}` },
    });
    assert.equal(((await one.json()) as { health: string }).health, 'ready');
    assert.equal((await admin('DELETE', path)).status, 204);
    assert.deepEqual(await listed(key), []);
  });

  it('is used first, costs nothing here, and is written down as what it is', async () => {
    const { id, key } = await withOwnKey('1.00');
    const answer = await ask(key);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-flux-cost-usd'), '0.000000000');
    assert.deepEqual(sentKeys(), [`Bearer ${ownKey}`]);
    assert.deepEqual(await paying.wallet(id), { balance: 1_000_000_000n, held: 0n });
    const row = await lastRow(id);
    assert.equal(row.byok, true);
    assert.equal(Number(row.cost_usd), 0);
    assert.deepEqual(
      row.attempts.map(({ outcome, reason }) => [outcome, reason]),
      [['ok', 'own-key']],
    );
  });

  it("gives way to the operator's at the usual price when it is refused, and says so", async () => {
    paying.vendor.behave(refusesOwn);
    const { id, key, path } = await withOwnKey('1.00');
    const answer = await ask(key, 'vendor-only');
    assert.equal(answer.status, 200);
    assert.deepEqual(sentKeys(), [`Bearer ${ownKey}`, 'Bearer sk-vendor']);
    assert.equal(
      answer.headers.get('x-flux-fallback'),
      'openai/whisper-1;provider_key_refused;own-key, openai/whisper-1;ok',
    );
    assert.ok((await paying.wallet(id)).balance < 1_000_000_000n);
    assert.equal((await lastRow(id)).byok, false);
    const list = (await (await admin('GET', path.replace('/openai', ''))).json()) as { data: { status: string }[] };
    assert.equal(list.data[0]?.status, 'refused');
  });

  it("keeps a bad key's breaker to its account: nobody else is sent away", async () => {
    paying.vendor.behave(refusesOwn);
    const { key } = await withOwnKey('1.00');
    for (let count = 0; count < 7; count++) assert.equal((await ask(key)).status, 200);
    const sent = sentKeys();
    assert.equal(sent.filter((one) => one === `Bearer ${ownKey}`).length, 5, 'after five its own breaker is open');
    assert.equal(sent.length, 12);
    assert.ok(paying.gateway.routing.breakers.list().every(({ state }) => state === 'closed'));
    const other = await paying.account('1.00');
    assert.equal((await ask(other.key)).status, 200);
  });

  it("serves an account without money by its own key alone, and never by the operator's", async () => {
    const { id, key } = await withOwnKey('0.00');
    assert.equal((await ask(key)).status, 200);
    paying.vendor.behave(refusesOwn);
    const refused = await ask(key);
    assert.deepEqual([refused.status, refused.code], [502, 'provider_key_refused']);
    assert.ok(!sentKeys().includes('Bearer sk-vendor'));
    assert.deepEqual(await paying.wallet(id), { balance: 0n, held: 0n });
    assert.equal((await ask(key, 'local/moonshine-tiny')).code, 'insufficient_credits');
  });

  it('is of use for nobody else', async () => {
    await withOwnKey('1.00');
    const other = await paying.account('1.00');
    await ask(other.key);
    assert.deepEqual(sentKeys(), ['Bearer sk-vendor']);
  });

  it('is replaced and removed with the next request', async () => {
    const { key, path } = await withOwnKey('1.00');
    await ask(key);
    await admin('PUT', path, { api_key: 'sk-second-key-0123456789' });
    await ask(key);
    assert.equal((await admin('DELETE', path)).status, 204);
    await ask(key);
    assert.deepEqual(sentKeys(), [`Bearer ${ownKey}`, 'Bearer sk-second-key-0123456789', 'Bearer sk-vendor']);
  });

  it('shows in the plan of a route, also for a vendor that is not switched on', async () => {
    const { id, key } = await withOwnKey('0.00');
    await admin('PUT', `/api/accounts/${id}/provider-keys/groq`, { api_key: ownKey });
    const explain = async (model: string, by = key) => {
      const headers = { authorization: `Bearer ${by}` };
      const response = await fetch(`${paying.url}/api/routes/explain?model=${model}`, { headers });
      const { attempts } = (await response.json()) as { attempts: { provider: string; why: string }[] };
      return attempts.map(({ provider, why }) => [provider, why.includes("account's own key")]);
    };
    assert.deepEqual(await explain('openai/whisper-1'), [
      ['openai', true],
      ['openai', false],
    ]);
    assert.deepEqual(await explain('groq/whisper-large-v3'), [['groq', true]]);
    assert.deepEqual(await explain('groq/whisper-large-v3', operatorKey), []);
  });

  it('is tested with a call that transcribes nothing', async () => {
    const { path } = await withOwnKey('0.00');
    const works = (await (await admin('POST', `${path}/test`)).json()) as object;
    assert.deepEqual({ ...works, latency_ms: 0 }, { ok: true, latency_ms: 0 });
    assert.deepEqual(
      paying.vendor.requests.map((one) => [one.method, one.path, keyOf(one)]),
      [['GET', '/v1/models', `Bearer ${ownKey}`]],
    );
    paying.vendor.behave(refusesOwn);
    const refused = (await (await admin('POST', `${path}/test`)).json()) as { ok: boolean; error: { code: string } };
    assert.equal(refused.ok, false);
    assert.equal(refused.error.code, 'provider_key_refused');
  });

  it('never travels to an address that is not on the public internet, even one that the operator uses', async () => {
    const { key, path } = await withOwnKey('0.00', { base_url: `${paying.vendor.url}/v1` });
    const answer = await ask(key);
    assert.deepEqual([answer.status, answer.code], [502, 'bad_gateway']);
    assert.match(answer.text, /not one on the public internet/);
    const test = (await (await admin('POST', `${path}/test`)).json()) as { ok: boolean; error: { code: string } };
    assert.deepEqual([test.ok, test.error.code], [false, 'invalid_value']);
    assert.equal(paying.vendor.requests.length, 0);
  });

  it('stands in no log, reply, table or dump in all of this', async () => {
    const { db } = paying.gateway.accounts.database;
    const tables = await sql<{ name: string }>`
      select tablename as name from pg_tables where schemaname = 'public'
    `.execute(db);
    assert.ok(tables.rows.some(({ name }) => name === 'provider_keys'));
    for (const { name } of tables.rows) {
      const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(db);
      for (const row of rows) {
        said.push(inspect(row, { depth: null }));
        for (const value of Object.values(row)) {
          if (value instanceof Uint8Array) said.push(Buffer.from(value).toString('latin1'));
        }
      }
    }
    said.push(await (await admin('GET', '/metrics')).text());
    said.push(inspect(paying.gateway, { depth: 12, showHidden: true }));
    assert.ok(said.length > 50);
    for (const text of said) {
      for (const secret of [ownKey, masterKey, 'sk-second-key-0123456789'])
        assert.ok(!text.includes(secret), text.slice(0, 500));
    }
  });
});

describe("an account's own vendor key, where the operator's does not stand in", () => {
  let paying: PayingGateway;
  before(async () => {
    paying = await startPayingGateway({
      env: {
        FLUXSCRIBE_MASTER_KEY: masterKey,
        FLUXSCRIBE_ROUTING_RETRIES: '0',
        FLUXSCRIBE_ROUTING_OWN_KEY_FALLBACK: 'false',
      },
    });
  });
  after(() => paying.close());

  it('ends the request when it is refused', async () => {
    paying.vendor.behave(refusesOwn);
    const { id, key } = await paying.account('1.00');
    const { providerKeys } = paying.gateway.accounts;
    const { Secret } = await import('../../src/core/secret.ts');
    await providerKeys.put(id, 'openai', new Secret(ownKey), null);
    const answer = await paying.ask(key, { model: 'openai/whisper-1' });
    assert.deepEqual([answer.status, answer.code], [502, 'provider_key_refused']);
    assert.equal(paying.vendor.requests.length, 1);
    assert.deepEqual(await paying.wallet(id), { balance: 1_000_000_000n, held: 0n });
  });
});
