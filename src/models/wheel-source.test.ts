import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FaultyMirror, startFaultyMirror } from '../../test/helpers/faulty-mirror.ts';
import { indexOf, type MadeWheel, makeWheel } from '../../test/helpers/made-wheel.ts';
import { makeWhisper } from '../../test/helpers/made-whisper.ts';
import type { CatalogueArtifact, CatalogueBuild, CatalogueFile } from '../catalogue/catalogue.ts';
import { silentLog } from '../core/log.ts';
import { createModelStore, type ModelStore } from './model-store.ts';

const runs = (...command: [string, ...string[]]) => spawnSync(command[0], command.slice(1)).status === 0;
const hasPip = runs('pip3', '--version') || runs('pip', '--version') || runs('python3', '-m', 'pip', '--version');
const skipPip = hasPip ? false : 'no pip on this machine';
const uv = pathOf('uv');
const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout?.trim();
const skipUv = uv && python && runs(uv, '--version') ? false : 'no uv on this machine';

const first = randomBytes(200_000);
const second = randomBytes(50_000);
const wheel = makeWheel(
  'tiny-voice',
  new Map([
    ['tiny_voice/data/first.bin', first],
    ['tiny_voice/data/second.bin', second],
  ]),
);

function placeIn(of: MadeWheel, path: string) {
  return {
    type: 'pypi' as const,
    package: of.requirement,
    wheel_sha256: of.sha256,
    wheel_size_bytes: of.bytes.length,
    path,
  };
}

function fileOf(name: string, bytes: Buffer, of: MadeWheel): CatalogueFile {
  return {
    name,
    size_bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sources: [placeIn(of, `tiny_voice/data/${name}`)],
  };
}

function artifactOf(files: CatalogueFile[], builds: CatalogueBuild[] = []): CatalogueArtifact {
  return {
    ...{ id: 'tiny', kind: 'recogniser', loader: 'whisper', default: false, licence: 'MIT' },
    ...{ homepage: 'https://e.example', files, builds },
  };
}

describe('wheels', () => {
  let root = '';
  let dir = '';
  let index: FaultyMirror;
  const served = new Map<string, Buffer>();

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'wheel-test-'));
    dir = join(root, 'models');
    served.clear();
    for (const [path, bytes] of indexOf([wheel])) served.set(path, bytes);
    index = await startFaultyMirror(served);
    for (const name of ['tiny-voice', 'whisper-left', 'whisper-right']) {
      // pip looks at nothing that does not call itself a page.
      index.headers.set(`/simple/${name}/`, { 'content-type': 'text/html' });
    }
  });
  afterEach(async () => {
    await index.close();
    rmSync(root, { recursive: true });
  });

  /** Neither this machine's mirror nor its settings take part. */
  const environment = (): NodeJS.ProcessEnv => ({
    // pip alone: uv would make good what pip is made to fail at.
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PIP|UV)_/.test(name))),
    ...{ PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${index.url}/simple/`, PIP_RETRIES: '0', PIP_TIMEOUT: '60' },
    ...{ UV_NO_CONFIG: '1', UV_DEFAULT_INDEX: `${index.url}/simple/`, UV_HTTP_RETRIES: '0', UV_HTTP_TIMEOUT: '60' },
    ...{ NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', PATH: pathWithoutUv() },
  });
  const storeOf = (
    artifact: CatalogueArtifact,
    more: { env?: NodeJS.ProcessEnv; idleMs?: number; free?: number } = {},
  ): ModelStore =>
    createModelStore({
      dir,
      mirror: null,
      artifacts: [artifact],
      log: silentLog,
      npmSettings: async () => ({}),
      env: more.env ?? environment(),
      transferPolicy: {
        ...{ idleTimeoutMs: 20_000, maxFruitlessTries: 3, maxTries: 10, retryDelayMs: 1 },
        toolIdleTimeoutMs: more.idleMs ?? 60_000,
      },
      freeBytes: async () => more.free ?? 1e12,
    });
  const both = artifactOf([fileOf('first.bin', first, wheel), fileOf('second.bin', second, wheel)]);
  const one = artifactOf([fileOf('first.bin', first, wheel)]);
  const wheelRequests = () => index.requests.filter((request) => request.includes('.whl'));

  it("takes both files out of one download through the machine's own pip", { skip: skipPip }, async () => {
    const progress: number[] = [];
    await storeOf(both).ensure('tiny', { onProgress: ({ doneBytes }) => progress.push(doneBytes) });
    assert.deepEqual(readFileSync(join(dir, 'tiny', 'first.bin')), first);
    assert.deepEqual(readFileSync(join(dir, 'tiny', 'second.bin')), second);
    assert.equal(wheelRequests().length, 1);
    assert.deepEqual(readdirSync(join(dir, '.parts')), []);
    assert.ok(progress.length > 0);
  });

  it('refuses a wheel with another sum than the pinned one', { skip: skipPip }, async () => {
    const other = { ...wheel, sha256: '0'.repeat(64) };
    const wrong = artifactOf([fileOf('first.bin', first, other)]);
    await assert.rejects(storeOf(wrong).ensure('tiny'), /PyPI package tiny-voice==1\.0\.0: pip.*(hash|HASH)/s);
    assert.equal(existsSync(join(dir, 'tiny', 'first.bin')), false);
  });

  it('says what pip says of a package that is not there', { skip: skipPip }, async () => {
    served.clear();
    await assert.rejects(storeOf(one).ensure('tiny'), /tiny-voice==1\.0\.0: pip.*No matching distribution/s);
  });

  it('refuses a wheel that was cut off on its way', { skip: skipPip }, async () => {
    index.faults.push('none', 'cut-off');
    await assert.rejects(storeOf(one).ensure('tiny'), /tiny-voice==1\.0\.0: pip/);
    assert.equal(existsSync(join(dir, 'tiny', 'first.bin')), false);
  });

  it('ends a pip whose download stalls', { skip: skipPip }, async () => {
    index.faults.push('none', 'stall');
    // Long enough for a Python to start on a busy machine.
    await assert.rejects(storeOf(one, { idleMs: 4_000 }).ensure('tiny'), /pip.*brought nothing for 4 s/);
  });

  it('ends pip when its signal is aborted', { skip: skipPip }, async () => {
    index.faults.push('none', 'stall');
    const stop = new AbortController();
    const ended = storeOf(one).ensure('tiny', { signal: stop.signal });
    index.onRequest((path) => {
      if (path.endsWith('.whl')) stop.abort(new Error('enough'));
    });
    await assert.rejects(ended, /enough/);
  });

  it('names the file that a wheel does not have', { skip: skipPip }, async () => {
    const [file] = one.files;
    const wrong = artifactOf([{ ...file!, sources: [placeIn(wheel, 'tiny_voice/data/gone.bin')] }]);
    await assert.rejects(storeOf(wrong).ensure('tiny'), /the wheel has no file 'tiny_voice\/data\/gone\.bin'/);
  });

  it('takes files through uv as well', { skip: skipUv }, async () => {
    const { fetchWheel } = await import('./wheel-tool.ts');
    const folder = join(root, 'uv');
    mkdirSync(join(root, 'bin'));
    symlinkSync(uv, join(root, 'bin', 'uv'));
    const env = { ...environment(), PATH: join(root, 'bin'), UV_PYTHON: python };
    const fetched = await fetchWheel({
      ...{ requirement: wheel.requirement, sha256: wheel.sha256, sizeBytes: wheel.bytes.length, folder, env },
      ...{ idleTimeoutMs: 60_000, signal: new AbortController().signal, onProgress: () => {} },
    });
    assert.equal(fetched.kind, 'folder');
    assert.deepEqual(readFileSync(join(fetched.path, 'tiny_voice/data/first.bin')), first);
  });

  it('says that there is neither pip nor uv', async () => {
    await assert.rejects(
      storeOf(one, { env: { PATH: '' } }).ensure('tiny'),
      /PyPI package tiny-voice==1\.0\.0: neither pip nor uv runs on this machine/,
    );
  });

  it('says that a wheel has no room before it is fetched', { skip: skipPip }, async () => {
    await assert.rejects(
      storeOf(one, { free: 34_000_000 }).ensure('tiny'),
      /tiny-voice==1\.0\.0: the disk has 34 MB free, and 34 MB are needed/,
    );
    assert.equal(wheelRequests().length, 0);
  });

  describe('with a CTranslate2 Whisper model in halves', () => {
    const made = makeWhisper();
    const half = made.bytes.length >> 1;
    const config = Buffer.from(JSON.stringify({ alignment_heads: [[0, 0]], suppress_ids: [], suppress_ids_begin: [] }));
    const vocabulary = Buffer.from(JSON.stringify(made.vocabulary));
    const left = makeWheel(
      'whisper-left',
      new Map([
        ['left/model.part1', made.bytes.subarray(0, half)],
        ['left/config.json', config],
        ['left/vocabulary.json', vocabulary],
      ]),
    );
    const right = makeWheel('whisper-right', new Map([['right/model.part2', made.bytes.subarray(half)]]));
    const names = ['encoder.int8.onnx', 'decoder.int8.onnx', 'tokens.txt'];
    const build: CatalogueBuild = {
      step: 'ctranslate2-whisper',
      inputs: [
        {
          name: 'model.bin',
          sha256: createHash('sha256').update(made.bytes).digest('hex'),
          parts: [placeIn(left, 'left/model.part1'), placeIn(right, 'right/model.part2')],
        },
        { name: 'config.json', parts: [placeIn(left, 'left/config.json')] },
        { name: 'vocabulary.json', parts: [placeIn(left, 'left/vocabulary.json')] },
      ],
    };
    const artifact = artifactOf(
      names.map((name) => ({ name, sources: [] })),
      [build],
    );

    beforeEach(() => {
      for (const [path, bytes] of indexOf([left, right])) served.set(path, bytes);
    });

    it('keeps the half that came when the other fails, then joins, converts and records', {
      skip: skipPip,
    }, async () => {
      const store = storeOf(artifact);
      served.delete(`/files/${right.fileName}`);
      await assert.rejects(store.ensure('tiny'), /whisper-right/);
      served.set(`/files/${right.fileName}`, right.bytes);
      assert.equal(await store.ensure('tiny'), 'fetched');
      assert.equal(wheelRequests().filter((request) => request.includes(left.fileName)).length, 1);
      const records = await store.records('tiny');
      assert.deepEqual(records.map((one) => one.name).sort(), [...names].sort());
      for (const { from } of records) assert.match(from ?? '', /PyPI package whisper-left==1\.0\.0 and PyPI package/);
      assert.equal(await store.ensure('tiny'), 'present');
      assert.deepEqual(readdirSync(join(dir, '.parts')), []);
    });
  });
});

/** A PATH on which uv is not found. */
function pathWithoutUv(): string {
  const folders = (process.env.PATH ?? '').split(':');
  return folders.filter((folder) => !existsSync(join(folder, 'uv'))).join(':');
}

function pathOf(command: string): string {
  return spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
}
