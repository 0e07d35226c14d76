import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { openTempFolder, toDiskError } from './temp-folder.ts';

async function tempDirOf(context: TestContext): Promise<string> {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-temp-'));
  context.after(() => rm(tempDir, { recursive: true, force: true }));
  return tempDir;
}

const options = { minFreeDiskBytes: 0, log: silentLog };

describe('openTempFolder', () => {
  it('removes what a process that was killed has left, and nothing that a living one has', async (context) => {
    const tempDir = await tempDirOf(context);
    const living = await openTempFolder({ tempDir, ...options });
    const { handle } = await living.create();
    await handle.close();
    const [own = ''] = await readdir(tempDir);
    const { pid } = spawnSync(process.execPath, ['--version']);
    const left = join(tempDir, own.replace(`-${process.pid}-`, `-${pid}-`));
    await mkdir(left);
    await writeFile(join(left, 'piece'), 'sound');
    await openTempFolder({ tempDir, ...options });
    const names = await readdir(tempDir);
    assert.equal(names.length, 2);
    assert.ok(names.includes(own));
    assert.equal((await readdir(join(tempDir, own))).length, 1);
  });

  it('makes its directory again when another program has swept it away', async (context) => {
    const tempDir = await tempDirOf(context);
    const folder = await openTempFolder({ tempDir, ...options });
    for (const name of await readdir(tempDir)) await rm(join(tempDir, name), { recursive: true });
    const file = await folder.create();
    await file.handle.close();
    await file.remove();
    await file.remove();
    await folder.close();
    assert.deepEqual(await readdir(tempDir), []);
  });

  it('makes no file when the disk would be left with too little room', async (context) => {
    const tempDir = await tempDirOf(context);
    const folder = await openTempFolder({ tempDir, ...options, minFreeDiskBytes: Number.MAX_SAFE_INTEGER });
    await assert.rejects(folder.create(), { code: 'storage_full' });
  });

  it('turns failures of the file system into errors of the table', () => {
    const failure = (code: string) => toDiskError(Object.assign(new Error('no'), { code }));
    for (const code of ['ENOSPC', 'EDQUOT']) assert.equal((failure(code) as GatewayError).code, 'storage_full');
    for (const code of ['EMFILE', 'ENFILE']) assert.equal((failure(code) as GatewayError).code, 'service_unavailable');
    assert.ok(!(failure('EIO') instanceof GatewayError));
  });
});
