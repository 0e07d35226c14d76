import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Catalogue, CatalogueArtifact, CatalogueModel } from '../catalogue/catalogue.ts';
import { silentLog } from '../core/log.ts';
import { createModelDepot, type ModelDepot } from './model-depot.ts';
import { createModelStore, type ModelStore } from './model-store.ts';
import { withStoreLock } from './store-lock.ts';

const artifactOf = (id: string, isDefault = false): CatalogueArtifact => ({
  ...{ id, kind: 'recogniser', loader: 'moonshine', default: isDefault, licence: 'MIT', homepage: 'https://e.example' },
  ...{ files: [{ name: 'f.bin', sources: [] }], builds: [] },
});
const modelOf = (id: string): CatalogueModel => ({
  ...{ id: `local/${id}`, name: id, description: '', features: ['transcribe'], languages: ['en'], artifact: id },
  price: { per_minute_usd: '0.10', minimum_seconds: 0 },
  fallbacks: [],
});
const catalogue: Catalogue = {
  models: [modelOf('one'), modelOf('two'), modelOf('three')],
  aliases: [
    {
      ...{ id: 'voice', name: 'Voice', description: '', models: ['local/one', 'local/two'], stands_in_for: [] },
      price: { per_minute_usd: '0.10', minimum_seconds: 0 },
    },
  ],
  artifacts: [artifactOf('helper', true), artifactOf('one'), artifactOf('two'), artifactOf('three')],
};

describe('model depot', () => {
  let dir = '';
  let mirror = '';
  let store: ModelStore;
  let depot: ModelDepot;
  let changes = 0;

  beforeEach(() => {
    const root = mkdtempSync(join(tmpdir(), 'depot-test-'));
    dir = join(root, 'models');
    mirror = join(root, 'mirror');
    store = createModelStore({
      ...{ dir, mirror, artifacts: catalogue.artifacts, log: silentLog, npmSettings: async () => ({}) },
    });
    changes = 0;
    const onChanged = async () => {
      changes += 1;
    };
    depot = createModelDepot({ store, catalogue, defaultModel: 'voice', onChanged, log: silentLog });
  });
  afterEach(async () => {
    await depot.close();
    rmSync(join(dir, '..'), { recursive: true });
  });
  const lay = (folder: string, id: string) => {
    mkdirSync(join(folder, id), { recursive: true });
    writeFileSync(join(folder, id, 'f.bin'), id);
  };

  it('shows what is installed and what can be', async () => {
    lay(dir, 'one');
    const entries = await depot.list();
    assert.deepEqual(
      entries.map((entry) => [entry.id, entry.state]),
      [
        ['helper', 'not-installed'],
        ['one', 'installed'],
        ['two', 'not-installed'],
        ['three', 'not-installed'],
      ],
    );
    assert.equal(await depot.find('four'), null);
    assert.equal(await depot.pull('four'), null);
    assert.equal(await depot.remove('four'), null);
  });

  it('fetches, tells the server, and has nothing to do when it is there', async () => {
    lay(mirror, 'two');
    assert.equal((await depot.pull('two'))?.task?.state, 'running');
    let entry = await depot.find('two');
    while (entry?.task?.state === 'running') entry = await depot.find('two');
    assert.deepEqual([entry?.state, entry?.task?.state, changes], ['installed', 'done', 1]);
    assert.equal((await depot.pull('two'))?.state, 'installed');
    assert.equal(changes, 1);
  });

  it('removes what nobody needs, and keeps what a start or the default model needs', async () => {
    for (const id of ['helper', 'one', 'three']) lay(dir, id);
    await assert.rejects(depot.remove('helper'), { code: 'model_in_use', message: /what every start needs/ });
    await assert.rejects(depot.remove('one'), { code: 'model_in_use', message: /default model 'voice'/ });
    assert.deepEqual(await depot.remove('three'), { removed: true, restartNeeded: false });
    assert.equal(changes, 1);
    assert.deepEqual(await depot.remove('three'), { removed: false, restartNeeded: false });
    lay(dir, 'two');
    assert.equal((await depot.remove('one'))?.removed, true, 'the alias has another model now');
  });

  it('does not wait for a store that another process is changing', async () => {
    lay(dir, 'three');
    const done = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const other = withStoreLock(
      dir,
      new AbortController().signal,
      () => {},
      async () => {
        held.resolve();
        await done.promise;
      },
    );
    await held.promise;
    const impatient = createModelDepot({
      ...{ store, catalogue, defaultModel: 'voice', onChanged: null, log: silentLog, lockPatienceMs: 10 },
    });
    await assert.rejects(impatient.remove('three'), { code: 'service_unavailable', retryAfterSeconds: 30 });
    done.resolve();
    await other;
    assert.deepEqual(await impatient.remove('three'), { removed: true, restartNeeded: true });
  });
});
