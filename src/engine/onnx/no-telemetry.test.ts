import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('a process that opens a model leaves nothing of onnxruntime telemetry behind', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fluxscribe-telemetry-'));
  try {
    const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')];
    for (const one of [home, temporary]) mkdirSync(one);
    // No model opens from one byte, but everything that the library sets up is set up by then.
    const script = `
      const { openSession } = await import(${JSON.stringify(new URL('session.ts', import.meta.url).href)});
      await openSession(new Uint8Array(1), 1).then(() => process.exit(2), () => console.log('tried'));`;
    // Nothing of this process's environment: on build servers the library is silent by itself.
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      env: { HOME: home, TMPDIR: temporary },
      encoding: 'utf8',
    });
    assert.match(said, /tried/);
    assert.deepEqual([readdirSync(home), readdirSync(temporary)], [[], []]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
