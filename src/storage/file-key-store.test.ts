import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hashKey } from '../auth/key-store.ts';
import { KeyFileError, openFileKeyStore } from './file-key-store.ts';

describe('file key store', () => {
  let dir = '';
  let file = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'keys-test-'));
    file = join(dir, 'data', 'keys.json');
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const openStore = (adminKey: string | null = null) => openFileKeyStore({ file, adminKey });

  it('makes the admin key once, and knows it after a restart', async () => {
    const first = await openStore();
    const key = await first.makeAdminKey();
    assert.ok(key && /^flux_[A-Za-z0-9_-]{43}$/.test(key));
    assert.equal(await first.makeAdminKey(), null);
    const second = await openStore();
    assert.equal(await second.makeAdminKey(), null);
    assert.equal(second.adminHash(), hashKey(key));
    assert.deepEqual(second.otherKeys(), []);
  });

  it('writes the hash alone, to a file that only its owner can read, and leaves nothing beside it', async () => {
    const key = await (await openStore()).makeAdminKey();
    assert.ok(key);
    assert.ok(!readFileSync(file, 'utf8').includes(key));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(dir, 'data')), ['keys.json']);
  });

  it('gives one key when two processes start at once', async () => {
    const stores = await Promise.all([openStore(), openStore(), openStore()]);
    const keys = await Promise.all(stores.map((store) => store.makeAdminKey()));
    const made = keys.filter((key) => key !== null);
    assert.equal(made.length, 1);
    for (const store of stores) assert.equal(store.adminHash(), hashKey(made[0]!));
  });

  it('has no keys and writes no file where the settings have the admin key', async () => {
    const store = await openStore('a-key-of-the-operator');
    assert.equal(await store.makeAdminKey(), null);
    assert.equal(store.adminHash(), null);
    assert.throws(() => statSync(file), /ENOENT/);
  });

  it('replaces the admin key on request', async () => {
    const store = await openStore();
    const old = await store.makeAdminKey();
    const next = await store.resetAdminKey();
    const restarted = await openStore();
    assert.notEqual(old, next);
    assert.equal(restarted.adminHash(), hashKey(next));
  });

  it('knows what a key in the file allows', async () => {
    mkdirSync(join(dir, 'data'));
    const record = {
      id: 'key_1',
      sha256: hashKey('sk-bounded'),
      scopes: ['transcribe'],
      createdAt: '2026-11-21T00:00:00Z',
    };
    const access = { allowedModels: ['flux-voice'], localOnly: true, maxPerMinuteUsd: '0.05' };
    writeFileSync(file, JSON.stringify({ keys: [{ ...record, ...access }] }));
    assert.deepEqual((await openStore()).otherKeys(), [
      {
        id: 'key_1',
        hash: hashKey('sk-bounded'),
        scopes: ['transcribe'],
        allowedModels: ['flux-voice'],
        localOnly: true,
        maxPriceNanosPerMinute: 50_000_000n,
      },
    ]);
  });

  it('keeps what other keys allow when the admin key is replaced', async () => {
    mkdirSync(join(dir, 'data'));
    const record = {
      id: 'key_1',
      sha256: hashKey('sk-bounded'),
      scopes: ['transcribe'],
      createdAt: '2026-11-21T00:00:00Z',
    };
    writeFileSync(file, JSON.stringify({ keys: [{ ...record, localOnly: true }] }));
    await (await openStore()).resetAdminKey();
    assert.equal((await openStore()).otherKeys()[0]?.localOnly, true);
  });

  it('refuses a damaged file instead of locking its owner out with a new key', async () => {
    mkdirSync(join(dir, 'data'));
    writeFileSync(file, '{"keys": [');
    await assert.rejects(
      openStore(),
      (error) => error instanceof KeyFileError && /is not a key file/.test(error.message),
    );
    assert.equal(readFileSync(file, 'utf8'), '{"keys": [');
  });
});
