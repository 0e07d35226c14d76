import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeAudio } from '../test/helpers/made-audio.ts';
import type { ProviderKey, ProviderKeyStore } from './auth/provider-key-store.ts';
import { createOwnKeyRing } from './compose-own-keys.ts';
import { GatewayError } from './core/errors.ts';
import { silentLog } from './core/log.ts';
import { Secret } from './core/secret.ts';
import type { Provider, ProviderAsk } from './providers/contract.ts';
import { createBreakers } from './routing/breakers.ts';

/** A store in memory that counts what is asked of it. */
function memoryStore() {
  const rows = new Map<string, ProviderKey & { key: Secret }>();
  const counts = { lists: 0, opens: 0 };
  const statuses: string[] = [];
  let clock = 0;
  const store: ProviderKeyStore = {
    async put(accountId, provider, key, baseUrl) {
      const row = {
        accountId,
        provider,
        key,
        baseUrl,
        last4: key.last4(),
        status: 'untested' as const,
        createdAt: new Date(++clock),
        testedAt: null,
      };
      rows.set(`${accountId}/${provider}`, row);
      return row;
    },
    async list(accountId) {
      counts.lists++;
      return [...rows.values()].filter((row) => row.accountId === accountId);
    },
    async open(accountId, provider) {
      counts.opens++;
      const row = rows.get(`${accountId}/${provider}`);
      return row ? { key: row.key, baseUrl: row.baseUrl } : null;
    },
    async setStatus(accountId, provider, status) {
      statuses.push(`${accountId} ${provider} ${status}`);
    },
    async remove(accountId, provider) {
      rows.delete(`${accountId}/${provider}`);
    },
    reseal: async () => 0,
  };
  return { store, counts, statuses };
}

function setUp(more: Partial<ProviderKeyStore> = {}) {
  const time = { nowMs: 0 };
  const memory = memoryStore();
  const made: { id: string; apiKey: string; isClosed: boolean; finish: () => void }[] = [];
  const ring = createOwnKeyRing({
    store: { ...memory.store, ...more },
    lifetimeMs: 1_000,
    withKey(id, { apiKey }): Provider {
      const gate = Promise.withResolvers<void>();
      const entry = { id, apiKey, isClosed: false, finish: () => gate.resolve() };
      made.push(entry);
      return {
        id,
        models: () => [],
        async transcribe() {
          await gate.promise;
          throw new GatewayError('bad_gateway', 'Done.');
        },
        async close() {
          entry.isClosed = true;
        },
      };
    },
    createBreakers: () => createBreakers({ failures: 2, openMs: 1, maxOpenMs: 1 }),
    isAlone: false,
    log: silentLog,
    nowMs: () => time.nowMs,
  });
  return { ring, time, made, ...memory };
}

describe("the ring of accounts' keys", () => {
  it('asks the database once in its lifetime, whatever comes at once, and answers without a wait from then on', async () => {
    const { ring, time, counts, made } = setUp();
    await ring.store.put('a', 'openai', new Secret('sk-first-0123456789'), null);
    const [one, two] = await Promise.all([ring.accountKeysOf('a'), ring.accountKeysOf('a')]);
    assert.equal(one, two);
    assert.equal(ring.accountKeysOf('a'), one, 'no promise');
    assert.deepEqual([...(one?.choice.providerIds ?? [])], ['openai']);
    assert.equal(counts.lists, 1);
    time.nowMs = 1_000;
    const later = await ring.accountKeysOf('a');
    assert.deepEqual(
      [counts.lists, counts.opens, made.length],
      [2, 1, 1],
      'a key that is the same is not opened again',
    );
    assert.equal(later?.breakers, one?.breakers, 'nor is forgotten how its vendors are');
    assert.equal(await ring.accountKeysOf('nobody'), null);
    await ring.close();
    assert.ok(made.every(({ isClosed }) => isClosed));
  });

  it('uses a new key with the next request, and lets one that is under way finish with the old one', async () => {
    const { ring, made } = setUp();
    const sound = await makeAudio(100);
    const ask: ProviderAsk = {
      audio: sound.audio,
      modelId: 'openai/whisper-1',
      task: 'transcribe',
      language: null,
      prompt: null,
      temperature: null,
      wantWords: false,
      wantLogprobs: false,
    };
    await ring.store.put('a', 'openai', new Secret('sk-first-0123456789'), null);
    const before = await ring.accountKeysOf('a');
    const call = before?.providers
      .get('openai')
      ?.transcribe(ask, { signal: new AbortController().signal, log: silentLog });
    await ring.store.put('a', 'openai', new Secret('sk-second-0123456789'), null);
    await ring.accountKeysOf('a');
    assert.deepEqual(
      made.map(({ apiKey, isClosed }) => [apiKey, isClosed]),
      [
        ['sk-first-0123456789', false],
        ['sk-second-0123456789', false],
      ],
    );
    made[0]?.finish();
    await assert.rejects(Promise.resolve(call), { code: 'bad_gateway' });
    assert.deepEqual(
      made.map(({ isClosed }) => isClosed),
      [true, false],
    );
    await ring.store.remove('a', 'openai');
    assert.equal(await ring.accountKeysOf('a'), null);
    assert.equal(made[1]?.isClosed, true);
    await sound.remove();
  });

  it('writes down how a vendor takes a key when that changes, and not with every request', async () => {
    const { ring, statuses } = setUp();
    await ring.store.put('a', 'openai', new Secret('sk-first-0123456789'), null);
    const keys = await ring.accountKeysOf('a');
    for (const verdict of ['working', 'working', 'refused', 'refused', 'working'] as const)
      keys?.onEnded('openai', verdict);
    assert.deepEqual(statuses, ['a openai working', 'a openai refused', 'a openai working']);
  });

  it('goes on without a key that cannot be opened, and not without knowing where the database is away', async () => {
    const broken = setUp({ open: () => Promise.reject(new GatewayError('server_error', 'Another master key.')) });
    await broken.ring.store.put('a', 'openai', new Secret('sk-first-0123456789'), null);
    assert.equal(await broken.ring.accountKeysOf('a'), null);
    const away = setUp({ list: () => Promise.reject(new GatewayError('service_unavailable', 'Away.')) });
    await assert.rejects(Promise.resolve(away.ring.accountKeysOf('a')), { code: 'service_unavailable' });
    await assert.rejects(Promise.resolve(away.ring.accountKeysOf('a')), { code: 'service_unavailable' });
  });

  it('says of a provider without a cheap question that it cannot be tested', async () => {
    const { ring } = setUp();
    await ring.store.put('a', 'gladia', new Secret('sk-first-0123456789'), null);
    await assert.rejects(ring.test('a', 'gladia', new AbortController().signal), { code: 'unsupported_value' });
    await assert.rejects(ring.test('a', 'openai', new AbortController().signal), { code: 'not_found' });
  });
});
