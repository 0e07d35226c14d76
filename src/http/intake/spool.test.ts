import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { silentLog } from '../../core/log.ts';
import { openSpool, type Spool, type SpoolFileOptions } from './spool.ts';

async function setUp(context: TestContext, minFreeDiskBytes = 0) {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-spool-'));
  context.after(() => rm(tempDir, { recursive: true, force: true }));
  const spool = await openSpool({ tempDir, thresholdBytes: 1000, minFreeDiskBytes, log: silentLog });
  return {
    spool,
    async files() {
      const entries = await readdir(tempDir, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    tempDir,
  };
}

function begin(spool: Spool, more: Partial<SpoolFileOptions> = {}) {
  return spool.begin({ maxBytes: 1_000_000, onDrain: () => {}, onError: () => {}, ...more });
}

describe('spool', () => {
  it('says when to wait and when to go on, and writes everything in order', async (context) => {
    const { spool } = await setUp(context);
    let drained: (() => void) | null = null;
    const writer = begin(spool, { onDrain: () => drained?.() });
    const pieces = Array.from({ length: 500 }, (_, index) => Buffer.alloc(311, index));
    let waited = 0;
    for (const piece of pieces) {
      if (writer.write(piece)) continue;
      waited++;
      await new Promise<void>((resolve) => {
        drained = resolve;
      });
    }
    const file = await writer.finish();
    assert.ok(waited > 0);
    assert.ok(file.path !== null);
    assert.ok((await readFile(file.path)).equals(Buffer.concat(pieces)));
    assert.equal(file.sizeBytes, 500 * 311);
  });

  it('makes no file of uploads that are given up while they are small', async (context) => {
    const { spool, files } = await setUp(context);
    const writer = begin(spool);
    writer.write(Buffer.alloc(10));
    await writer.discard();
    assert.deepEqual(await files(), []);
  });

  it('leaves nothing of uploads that are given up later, nor of finished ones that were disposed of', async (context) => {
    const { spool, files } = await setUp(context);
    const given = begin(spool);
    given.write(Buffer.alloc(5000));
    await given.discard();
    const finished = begin(spool);
    finished.write(Buffer.alloc(5000));
    const file = await finished.finish();
    assert.equal((await files()).length, 1);
    await file.dispose();
    await file.dispose();
    assert.deepEqual(await files(), []);
  });

  it('takes a file of exactly the ceiling and not a byte more', async (context) => {
    const { spool } = await setUp(context);
    const writer = begin(spool, { maxBytes: 100 });
    writer.write(Buffer.alloc(100));
    assert.throws(() => writer.write(Buffer.alloc(1)), { code: 'payload_too_large' });
    await writer.discard();
  });

  it('tells a full disk once, while writing and at the end, and leaves nothing', async (context) => {
    const { spool, files } = await setUp(context, Number.MAX_SAFE_INTEGER);
    const errors: unknown[] = [];
    const writer = begin(spool, { onError: (error) => errors.push(error) });
    writer.write(Buffer.alloc(5000));
    await assert.rejects(writer.finish(), { code: 'storage_full' });
    assert.equal(errors.length, 1);
    await assert.rejects(begin(spool).finish(), { code: 'storage_full' });
    assert.deepEqual(await files(), []);
  });

  it('asks for free room once for many uploads at one time', async (context) => {
    const { spool } = await setUp(context, 1);
    const all = await Promise.all(Array.from({ length: 20 }, () => begin(spool).finish()));
    assert.equal(all.length, 20);
  });

  it('goes away with its files when it is closed', async (context) => {
    const { spool, tempDir } = await setUp(context);
    await begin(spool).finish();
    await spool.close();
    assert.deepEqual(await readdir(tempDir), []);
  });
});
