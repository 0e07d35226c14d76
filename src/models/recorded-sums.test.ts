import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FaultyMirror, startFaultyMirror } from '../../test/helpers/faulty-mirror.ts';
import type { CatalogueArtifact, CatalogueFile } from '../catalogue/catalogue.ts';
import { silentLog } from '../core/log.ts';
import { createModelStore, type ModelStore } from './model-store.ts';

const first = randomBytes(300_000);
const other = randomBytes(300_000);
const sumOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('files whose sum no catalogue knows', () => {
  let root = '';
  let dir = '';
  let hub: FaultyMirror;
  const served = new Map<string, Buffer>();

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'recorded-test-'));
    dir = join(root, 'models');
    served.clear();
    served.set('/hub/first.bin', first);
    hub = await startFaultyMirror(served);
  });
  afterEach(async () => {
    await hub.close();
    rmSync(root, { recursive: true });
  });

  const fileOf = (more: Partial<CatalogueFile> = {}): CatalogueFile => ({
    name: 'first.bin',
    sources: [{ type: 'url', url: `${hub.url}/hub/first.bin` }],
    ...more,
  });
  const storeOf = (file: CatalogueFile, mirror: string | null = null): ModelStore => {
    const artifact: CatalogueArtifact = {
      ...{ id: 'tiny', kind: 'vad', loader: 'silero-vad', default: false, licence: 'MIT' },
      ...{ homepage: 'https://e.example', files: [file], builds: [] },
    };
    return createModelStore({
      ...{ dir, mirror, artifacts: [artifact], log: silentLog, npmSettings: async () => ({}) },
      transferPolicy: {
        ...{ idleTimeoutMs: 20_000, maxFruitlessTries: 3, maxTries: 10, retryDelayMs: 1, toolIdleTimeoutMs: 1_000 },
      },
      freeBytes: async () => 1e12,
    });
  };
  const path = () => join(dir, 'tiny', 'first.bin');

  it('are recorded when they first come, with where they came from', async () => {
    const store = storeOf(fileOf());
    assert.equal(await store.ensure('tiny'), 'fetched');
    const [record] = await store.records('tiny');
    assert.deepEqual([record?.sha256, record?.from], [sumOf(first), `${hub.url}/hub/first.bin`]);
    assert.equal(await store.ensure('tiny'), 'present');
  });

  it('are held against the record afterwards, however often one looks', async () => {
    const store = storeOf(fileOf());
    await store.ensure('tiny');
    writeFileSync(path(), Buffer.alloc(first.length));
    assert.equal(await store.isInstalled('tiny'), false);
    assert.equal(await store.isInstalled('tiny'), false);
    assert.equal(await store.ensure('tiny'), 'fetched');
    assert.deepEqual(readFileSync(path()), first);
  });

  it('must be the same when they are fetched again, until the model is removed', async () => {
    const store = storeOf(fileOf());
    await store.ensure('tiny');
    served.set('/hub/first.bin', other);
    rmSync(path());
    await assert.rejects(
      store.ensure('tiny'),
      /had [0-9a-f]{64} when it was first fetched; fluxscribe models remove tiny/,
    );
    assert.equal(await store.remove('tiny'), true);
    assert.equal(await store.ensure('tiny'), 'fetched');
    assert.deepEqual(readFileSync(path()), other);
  });

  it('are refused when they are not what their source says they are', async () => {
    hub.headers.set('/hub/first.bin', { 'x-linked-etag': `"${sumOf(other)}"` });
    await assert.rejects(storeOf(fileOf()).ensure('tiny'), /not the [0-9a-f]{64} that its source names/);
    assert.equal(existsSync(path()), false);
    hub.headers.set('/hub/first.bin', { 'x-linked-etag': `"${sumOf(first)}"` });
    assert.equal(await storeOf(fileOf()).ensure('tiny'), 'fetched');
  });

  it('are refused when they have not the size in the catalogue', async () => {
    await assert.rejects(storeOf(fileOf({ size_bytes: 299_999 })).ensure('tiny'), /at most 299999 are expected/);
  });

  it('resume only while the other side has the same version', async () => {
    hub.headers.set('/hub/first.bin', { etag: '"one"' });
    hub.faults.push('cut-off');
    await storeOf(fileOf()).ensure('tiny');
    assert.match(hub.requests[1]!, /bytes=\d+-$/);
    assert.deepEqual(readFileSync(path()), first);
    rmSync(dir, { recursive: true });
    hub.requests.length = 0;
    hub.faults.push('cut-off');
    hub.onRequest(() => {
      if (hub.requests.length !== 1) return;
      served.set('/hub/first.bin', other);
      hub.headers.set('/hub/first.bin', { etag: '"two"' });
    });
    await storeOf(fileOf()).ensure('tiny');
    assert.deepEqual(readFileSync(path()), other);
  });

  it('start over when the other side tells no version', async () => {
    hub.faults.push('cut-off');
    await storeOf(fileOf()).ensure('tiny');
    assert.equal(hub.requests[1], 'GET /hub/first.bin');
    assert.deepEqual(readFileSync(path()), first);
  });

  it('may come from a source of other bytes beside a pinned sum, and from nowhere else', async () => {
    const sources: CatalogueFile['sources'] = [{ type: 'url', url: `${hub.url}/hub/first.bin`, sha256: 'recorded' }];
    const pinned = fileOf({ sha256: sumOf(other), size_bytes: other.length, sources });
    const mirror = join(root, 'mirror');
    mkdirSync(join(mirror, 'tiny'), { recursive: true });
    writeFileSync(join(mirror, 'tiny', 'first.bin'), Buffer.alloc(300_000));
    const store = storeOf(pinned, mirror);
    assert.equal(await store.ensure('tiny'), 'fetched');
    assert.deepEqual(readFileSync(path()), first);
    assert.equal(await store.isInstalled('tiny'), true);
    assert.deepEqual(await store.verify('tiny'), []);
    rmSync(dir, { recursive: true });
    mkdirSync(join(dir, 'tiny'), { recursive: true });
    writeFileSync(path(), first);
    assert.equal(await store.isInstalled('tiny'), false, 'put there by hand it has to have the pinned sum');
  });
});
