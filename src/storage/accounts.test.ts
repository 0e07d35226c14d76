import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { freePolicy } from '../../test/helpers/callers.ts';
import { describeDatabases } from '../../test/helpers/databases.ts';
import type { KeyDirectory, KeyPolicy } from '../auth/key-directory.ts';
import { hashKey } from '../auth/key-store.ts';
import { createSecretBox } from '../auth/secret-box.ts';
import { silentLog } from '../core/log.ts';
import { Secret } from '../core/secret.ts';
import { createAccountStore } from './account-store.ts';
import { importAdminKeys, makeAdminKey, operatorAccountId, replaceAdminKey } from './admin-keys.ts';
import { createAuditLog } from './audit-log.ts';
import type { FileKey } from './file-key-store.ts';
import { createIdempotencyStore } from './idempotency-store.ts';
import { openKeyDirectory } from './key-directory.ts';
import { createPlanStore } from './plan-store.ts';
import { createProviderKeyStore } from './provider-key-store.ts';

const policy: KeyPolicy = { ...freePolicy, scopes: ['transcribe', 'live'] };

describeDatabases('accounts and keys', (database, test) => {
  const accounts = () => createAccountStore(database());
  let directory: KeyDirectory;
  before(async () => {
    directory = await openKeyDirectory(database(), silentLog);
  });
  after(() => directory.close());
  const newAccount = async (planId = 'payg') => (await accounts().create({ name: 'Some', planId })).id;

  it('has the built-in plans, and keeps plans of the operator with their prices', async () => {
    const plans = createPlanStore(database());
    const builtIn = (await plans.list()).filter((plan) => plan.builtIn);
    assert.deepEqual(
      builtIn.map(({ id, transcription, billing }) => [id, transcription, billing]),
      [
        ['free', false, 'wallet'],
        ['payg', true, 'wallet'],
        ['unlimited', true, 'unlimited'],
      ],
    );
    const gold = {
      id: 'gold',
      name: 'Gold',
      transcription: true,
      billing: 'wallet' as const,
      allowedModels: ['flux-voice'],
      maxUploadBytes: 2 ** 33,
      requestsPerMinute: 60,
      audioSecondsPerMinute: null,
      maxConcurrent: 4,
      maxLiveStreams: 0,
      prices: { 'flux-voice': { nanosPerMinute: 9_007_199_254_740_993n, minimumMs: 5_000, liveNanosPerMinute: null } },
    };
    await plans.create(gold);
    assert.deepEqual(await plans.find('gold'), { ...gold, builtIn: false });
    await assert.rejects(plans.create(gold), { code: 'conflict', param: 'id' });
    const changed = await plans.update('gold', { allowedModels: null, maxConcurrent: null });
    assert.deepEqual(changed, { ...gold, builtIn: false, allowedModels: null, maxConcurrent: null });
    await newAccount('gold');
    await assert.rejects(plans.update('gold', { billing: 'unlimited' }), { code: 'conflict', param: 'billing' });
    await assert.rejects(plans.update('nothing', { name: 'x' }), { code: 'not_found' });
  });

  it('lists accounts newest first in pages, each once, and changes what is given', async () => {
    const made = [];
    for (let index = 0; index < 5; index++) made.unshift(await newAccount());
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<ReturnType<typeof accounts>['list']>> = await accounts().list({
        limit: 2,
        cursor,
      });
      seen.push(...page.items.map((account) => account.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen.slice(0, 5), made);
    assert.equal(new Set(seen).size, seen.length);
    const id = made[0]!;
    const changed = await accounts().update(id, { status: 'suspended', planId: 'free' });
    assert.deepEqual([changed.name, changed.planId, changed.status], ['Some', 'free', 'suspended']);
    assert.deepEqual(await accounts().find(id), changed);
    await assert.rejects(accounts().update(id, { planId: 'no-plan' }), { code: 'not_found', param: 'plan' });
    await assert.rejects(accounts().update('acc_none', { name: 'x' }), { code: 'not_found' });
    await assert.rejects(accounts().create({ name: 'x', planId: 'no-plan' }), { code: 'not_found' });
    for (const nonsense of ['x', Buffer.from('["1","2"]').toString('base64url')]) {
      await assert.rejects(accounts().list({ limit: 2, cursor: nonsense }), { code: 'invalid_value', param: 'cursor' });
    }
  });

  it('finds a caller by the hash of the key, which is nowhere in clear', async () => {
    const id = await newAccount();
    const { key, record } = await directory.create(id, 'My key', { ...policy, allowedModels: ['flux-voice'] });
    assert.match(key, /^flux_[\w-]{43}$/);
    assert.equal(record.prefix, key.slice(0, 12));
    const caller = await directory.findByHash(hashKey(key));
    assert.ok(caller);
    assert.deepEqual([caller.keyId, caller.account, caller.plan.id], [record.id, { id, status: 'active' }, 'payg']);
    assert.deepEqual(
      [caller.scopes, caller.allowedModels, caller.isToken],
      [['transcribe', 'live'], ['flux-voice'], false],
    );
    assert.equal(await directory.findByHash(hashKey(`${key}x`)), null);
    const row = await database().db.selectFrom('api_keys').selectAll().where('id', '=', record.id).executeTakeFirst();
    assert.ok(!JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}` : value)).includes(key));
    await assert.rejects(directory.create('acc_none', 'x', policy), { code: 'not_found' });
  });

  it('refuses a key from the moment it is revoked, and sees every change of key, account and plan at once', async () => {
    const id = await newAccount();
    const { key, record } = await directory.create(id, 'k', policy);
    const caller = () => directory.findByHash(hashKey(key));
    assert.ok(await caller());
    await directory.update(id, record.id, { localOnly: true, name: 'renamed' });
    assert.equal((await caller())?.localOnly, true);
    await accounts().update(id, { status: 'suspended' });
    assert.equal((await caller())?.account.status, 'suspended');
    await accounts().update(id, { planId: 'unlimited' });
    await createPlanStore(database()).update('unlimited', { maxConcurrent: 77 });
    assert.equal((await caller())?.plan.maxConcurrent, 77);
    await directory.revoke(id, record.id);
    assert.equal(await caller(), null);
    await directory.revoke(id, record.id);
    await assert.rejects(directory.update(id, record.id, { localOnly: false }), { code: 'not_found' });
    await assert.rejects(directory.revoke(await newAccount(), record.id), { code: 'not_found' });
    const listed = await directory.list(id, { limit: 50, cursor: null });
    assert.deepEqual(
      listed.items.map((item) => [item.name, item.revokedAt !== null, item.lastUsedAt]),
      [['renamed', true, null]],
    );
  });

  it('refuses an expired key without asking the database again', async (context) => {
    const id = await newAccount();
    const expiresAt = new Date(Date.now() + 60_000);
    const { key } = await directory.create(id, 'k', { ...policy, expiresAt });
    assert.ok(await directory.findByHash(hashKey(key)));
    context.mock.timers.enable({ apis: ['Date'], now: expiresAt.getTime() + 1 });
    assert.equal(await directory.findByHash(hashKey(key)), null);
  });

  it('mints tokens that open live sockets and nothing else, and end with their key', async () => {
    const id = await newAccount();
    const { record } = await directory.create(id, 'k', policy);
    const { token, expiresAt } = await directory.mintToken(id, record.id, 60);
    assert.ok(expiresAt.getTime() > Date.now());
    const caller = await directory.findByHash(hashKey(token));
    assert.deepEqual([caller?.keyId, caller?.scopes, caller?.isToken], [record.id, ['live'], true]);
    await directory.revoke(id, record.id);
    assert.equal(await directory.findByHash(hashKey(token)), null);
    await assert.rejects(directory.mintToken(id, record.id, 60), { code: 'not_found' });
    for (const seconds of [0, 1.5, 3601, Number.NaN]) {
      await assert.rejects(directory.mintToken(id, record.id, seconds), {
        code: 'invalid_value',
        param: 'ttl_seconds',
      });
    }
    assert.equal(await directory.pruneTokens(), 0);
  });

  it('notes when a key was last used', async () => {
    const id = await newAccount();
    const other = await openKeyDirectory(database(), silentLog);
    const { key, record } = await other.create(id, 'k', policy);
    await other.findByHash(hashKey(key));
    await other.close();
    assert.ok((await directory.find(id, record.id))?.lastUsedAt);
  });

  it('tells other replicas of a revoked key', async (context) => {
    if (database().kind === 'embedded') return context.skip('the embedded database has one process');
    const id = await newAccount();
    const { key, record } = await directory.create(id, 'k', policy);
    const replica = await test().open();
    const far = await openKeyDirectory(replica, silentLog);
    try {
      assert.ok(await far.findByHash(hashKey(key)));
      await directory.revoke(id, record.id);
      // Notified, or a second old: whichever is first.
      let tries = 0;
      while ((await far.findByHash(hashKey(key))) !== null && tries++ < 100) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(await far.findByHash(hashKey(key)), null);
    } finally {
      await far.close();
      await replica.close();
    }
  });

  it('takes over the admin key of the file and of the settings, and what replaces them', async () => {
    const find = (key: string) => directory.findByHash(hashKey(key));
    const take = (file: string | null, setting: string | null) =>
      importAdminKeys(database(), { fileHash: file && hashKey(file), settingHash: setting && hashKey(setting) });
    await Promise.all([take('first', null), take('first', null)]);
    const admin = await find('first');
    assert.deepEqual([admin?.account.id, admin?.plan.billing], [operatorAccountId, 'unlimited']);
    assert.ok(admin?.scopes.includes('admin'));
    await directory.revoke(operatorAccountId, 'admin');
    await take('first', null);
    assert.equal(await find('first'), null, 'revoked stays revoked');
    await take('second', 'setting');
    assert.ok(await find('second'));
    assert.ok(await find('setting'));
    await take('second', null);
    assert.equal(await find('setting'), null);
    await take('second', 'second');
    assert.ok(await find('second'));
  });

  it('takes over the other keys of the file, with what they are held to, until they are gone from it', async () => {
    const key = {
      id: 'robot',
      hash: hashKey('robot'),
      scopes: ['transcribe'],
      allowedModels: ['flux-voice'],
      localOnly: true,
      maxPriceNanosPerMinute: 5n,
    } as const;
    const take = (...otherKeys: FileKey[]) =>
      importAdminKeys(database(), { fileHash: null, settingHash: null, otherKeys });
    await take(key);
    const robot = await directory.findByHash(key.hash);
    assert.deepEqual([robot?.keyId, robot?.localOnly, robot?.maxPriceNanosPerMinute], ['file-robot', true, 5n]);
    await take({ ...key, localOnly: false });
    assert.equal((await directory.findByHash(key.hash))?.localOnly, false);
    await take();
    assert.equal(await directory.findByHash(key.hash), null);
  });

  it('takes nothing from the database for a file that belongs to one replica of several', async () => {
    const find = (key: string) => directory.findByHash(hashKey(key));
    const made = await replaceAdminKey(database());
    assert.ok(await find(made));
    assert.equal(await makeAdminKey(database()), null, 'there is one already');
    await importAdminKeys(database(), { fileHash: null, settingHash: null, addOnly: true });
    await importAdminKeys(database(), { fileHash: hashKey('of another folder'), settingHash: null, addOnly: true });
    assert.ok(await find(made));
    assert.equal(await find('of another folder'), null);
    const next = await replaceAdminKey(database());
    assert.deepEqual([await find(made), (await find(next))?.keyId], [null, 'admin']);
  });

  it('keeps vendor keys sealed, and seals them anew under a new master key', async () => {
    const id = await newAccount();
    const box = createSecretBox([new Secret('old')]);
    const store = createProviderKeyStore(database(), box);
    const shown = await store.put(id, 'openai', new Secret('sk-vendor-key-1234'), 'https://example.test/v1');
    assert.deepEqual([shown.last4, shown.status, shown.baseUrl], ['1234', 'untested', 'https://example.test/v1']);
    await store.setStatus(id, 'openai', 'working');
    assert.equal((await store.list(id))[0]?.status, 'working');
    const row = await database()
      .db.selectFrom('provider_keys')
      .selectAll()
      .where('account_id', '=', id)
      .executeTakeFirst();
    assert.ok(row && !Buffer.from(row.sealed).toString('latin1').includes('vendor'));
    const rotated = createProviderKeyStore(database(), createSecretBox([new Secret('new'), new Secret('old')]));
    assert.equal(await rotated.reseal(), 1);
    assert.equal(await rotated.reseal(), 0);
    const alone = createProviderKeyStore(database(), createSecretBox([new Secret('new')]));
    assert.equal((await alone.open(id, 'openai'))?.key.reveal(), 'sk-vendor-key-1234');
    await assert.rejects(store.open(id, 'openai'), { code: 'server_error' });
    assert.equal(await store.open(id, 'groq'), null);
    await alone.remove(id, 'openai');
    await assert.rejects(alone.remove(id, 'openai'), { code: 'not_found' });
    const without = createProviderKeyStore(database(), null);
    await assert.rejects(without.put(id, 'openai', new Secret('x'), null), { code: 'unsupported_value' });
  });

  it('writes down what administrators do', async () => {
    const log = createAuditLog(database());
    const id = await newAccount();
    for (let index = 0; index < 3; index++) {
      const details = { index, models: ['a'] };
      await log.write({
        actorKeyId: 'admin',
        action: 'key.create',
        accountId: id,
        target: 'key_1',
        details,
        requestId: null,
      });
    }
    const first = await log.list(id, { limit: 2, cursor: null });
    assert.deepEqual(
      first.items.map((entry) => entry.details.index),
      [2, 1],
    );
    const second = await log.list(id, { limit: 2, cursor: first.nextCursor });
    assert.deepEqual([second.items.length, second.nextCursor], [1, null]);
  });

  it('lets one of many with the same idempotency key go first, and gives its reply to the others', async () => {
    const store = createIdempotencyStore(database());
    const accountId = await newAccount();
    const ask = (requestId: string) => ({ accountId, key: 'k', requestHash: 'h', requestId });
    const states = await Promise.all(['r1', 'r2', 'r3'].map((id) => store.begin(ask(id))));
    const first = states.findIndex((one) => one.state === 'first');
    assert.equal(states.filter((one) => one.state === 'running').length, 2);
    const winner = ask(`r${first + 1}`);
    assert.deepEqual(await store.begin({ ...ask('r9'), requestHash: 'other' }), { state: 'conflict' });
    const reply = { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"text":"hi"}') };
    await store.finish(winner, reply);
    await store.forget(winner);
    const again = await store.begin(ask('r4'));
    assert.ok(again.state === 'done');
    assert.deepEqual(
      [again.requestId, again.reply.status, again.reply.headers],
      [winner.requestId, 200, reply.headers],
    );
    assert.equal(Buffer.from(again.reply.body).toString(), '{"text":"hi"}');
  });

  it('gives an idempotency key free after a failure, and after its process died, whose work it names', async () => {
    const store = createIdempotencyStore(database());
    const accountId = await newAccount();
    const ask = { accountId, key: 'k', requestHash: 'h', requestId: 'r1' };
    await store.begin(ask);
    await store.forget(ask);
    assert.deepEqual(await store.begin({ ...ask, requestId: 'r2' }), { state: 'first', chargeKey: 'r2' });
    await store.freeAll();
    assert.deepEqual(await store.begin({ ...ask, requestId: 'r3' }), { state: 'first', chargeKey: 'r2' });
    await store.forget({ ...ask, requestId: 'r3' });
    assert.deepEqual(await store.begin({ ...ask, requestId: 'r3b' }), { state: 'first', chargeKey: 'r2' });
    await store.freeAll();
    await store.prune();
    await store.renew();
    assert.equal((await store.begin({ ...ask, requestId: 'r4' })).state, 'running', 'its process lives');
    await store.freeAll();
    const other = { ...ask, requestHash: 'h2' };
    assert.deepEqual(await store.begin({ ...other, requestId: 'r5' }), { state: 'first', chargeKey: 'r5' });
    await store.finish({ ...ask, requestId: 'r3' }, { status: 200, headers: {}, body: new Uint8Array() });
    assert.equal((await store.begin({ ...other, requestId: 'r6' })).state, 'running', 'the dead say nothing more');
  });
});
