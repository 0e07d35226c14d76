import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { silentLog } from '../../core/log.ts';
import { openSpool, type Spool, type SpoolFileOptions } from './spool.ts';

async function setUp(context: TestContext, minFreeDiskBytes = 0, memory = { upload: 0, total: 0 }) {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-spool-'));
  context.after(() => rm(tempDir, { recursive: true, force: true }));
  const spool = await openSpool({
    tempDir,
    memoryUploadBytes: memory.upload,
    memoryTotalBytes: memory.total,
    thresholdBytes: 1000,
    minFreeDiskBytes,
    log: silentLog,
  });
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

  it('keeps what is small in memory, as the pieces that came', async (context) => {
    const { spool, files } = await setUp(context, Number.MAX_SAFE_INTEGER, { upload: 10_000, total: 20_000 });
    const pieces = [Buffer.alloc(3000, 1), Buffer.alloc(0), Buffer.alloc(4000, 2)];
    const writer = begin(spool);
    for (const piece of pieces) assert.equal(writer.write(piece), true);
    const file = await writer.finish();
    assert.ok(file.path === null);
    assert.deepEqual([file.sizeBytes, file.pieces], [7000, pieces]);
    assert.deepEqual(await files(), []);
    await file.dispose();
  });

  it('takes what grows too large for memory to disk, whole', async (context) => {
    const { spool } = await setUp(context, 0, { upload: 10_000, total: 20_000 });
    const pieces = Array.from({ length: 12 }, (_, index) => Buffer.alloc(1000, index));
    const writer = begin(spool);
    for (const piece of pieces) writer.write(piece);
    const file = await writer.finish();
    assert.ok(file.path !== null);
    assert.ok((await readFile(file.path)).equals(Buffer.concat(pieces)));
  });

  it('never holds more than the total in memory, and has it back when uploads are over', async (context) => {
    const { spool, files } = await setUp(context, 0, { upload: 10_000, total: 20_000 });
    const finished = async () => {
      const writer = begin(spool);
      writer.write(Buffer.alloc(9000));
      return writer.finish();
    };
    const [first, second, third] = [await finished(), await finished(), await finished()];
    assert.deepEqual([first.path, second.path, third.path === null], [null, null, false]);
    await first.dispose();
    await first.dispose();
    const dropped = begin(spool);
    dropped.write(Buffer.alloc(9000));
    await dropped.discard();
    const [fourth, fifth] = [await finished(), await finished()];
    assert.deepEqual([fourth.path, fifth.path === null], [null, false]);
    for (const one of [second, third, fourth, fifth]) await one.dispose();
    assert.deepEqual(await files(), []);
  });

  it('sends to disk at once what announces that it is large, and what comes in countless tiny pieces', async (context) => {
    const { spool } = await setUp(context, 0, { upload: 10_000, total: 20_000 });
    const announced = begin(spool, { announcedBytes: 10_001 });
    announced.write(Buffer.alloc(5));
    assert.notEqual((await announced.finish()).path, null);
    const tiny = begin(spool);
    for (let count = 0; count < 100; count++) tiny.write(Buffer.alloc(1));
    assert.notEqual((await tiny.finish()).path, null);
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
