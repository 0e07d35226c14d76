import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteSource, TransferError } from './byte-source.ts';
import { defaultTransferPolicy, transfer } from './transfer.ts';

const bytes = Buffer.from('the whole file');

describe('a transfer whose source has to get ready', () => {
  let folder = '';
  let opened = 0;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'transfer-test-'));
    opened = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const bring = (prepare: () => Promise<void>, idleTimeoutMs: number) => {
    const source: ByteSource = {
      label: 'made',
      prepare,
      async open() {
        opened++;
        const body = (async function* () {
          yield bytes;
        })();
        return { offset: 0, totalBytes: bytes.length, version: null, sha256: null, body, stop: () => undefined };
      },
    };
    return transfer({
      ...{ source, partFile: join(folder, 'part'), maxBytes: 100, unpinned: false },
      ...{ requireRoom: async () => undefined, onProgress: () => undefined, signal: new AbortController().signal },
      policy: { ...defaultTransferPolicy, idleTimeoutMs, retryDelayMs: 1 },
    });
  };

  it('does not take that for silence of the other side', async () => {
    let readyWhenOpened = -1;
    await bring(async () => {
      await sleep(1_500);
      readyWhenOpened = opened;
    }, 1_000);
    assert.deepEqual([readyWhenOpened, opened], [0, 1]);
    assert.deepEqual(readFileSync(join(folder, 'part')), bytes);
  });

  it('ends as any other failure does, so that the next place is tried', async () => {
    const broken = bring(() => Promise.reject(new Error('npm is damaged')), 1_000);
    await assert.rejects(broken, (error) => error instanceof TransferError && /npm is damaged/.test(error.message));
    assert.equal(opened, 0);
  });
});
