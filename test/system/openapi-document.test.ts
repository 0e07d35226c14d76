import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load-config.ts';
import { createPythonVenv, hasPython, type PythonVenv } from '../helpers/python-venv.ts';
import { speech } from '../helpers/speech.ts';
import { type SpeechVendors, startSpeechVendors } from '../helpers/speech-vendors.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/** Requests for each operation, in each of four phases: more for a long night. */
const examples = process.env.FLUXSCRIBE_TEST_OPENAPI_EXAMPLES ?? '8';
/** Another one is another run; the same finds the same. */
const seed = process.env.FLUXSCRIBE_TEST_OPENAPI_SEED ?? '1';
const here = fileURLToPath(new URL('.', import.meta.url));
const skip = !(await hasPython()) && 'no python3 here';

describe('the OpenAPI document', { skip, timeout: 15 * 60_000 }, () => {
  let vendors: SpeechVendors;
  let server: ServerProcess;
  let python: PythonVenv;
  let models: string;
  before(async () => {
    // Each release brings other checks and makes other requests of a seed.
    python = await createPythonVenv(['schemathesis==4.32.5']);
    vendors = await startSpeechVendors();
    // Of its own: the document says how to remove models, too.
    models = await mkdtemp(join(tmpdir(), 'fluxscribe-openapi-models-'));
    const { modelsDir } = loadConfig({ env: process.env, workingDir: models });
    for (const one of ['moonshine-tiny', 'silero-vad']) {
      await cp(join(modelsDir, one), join(models, one), { recursive: true }).catch((thrown) => {
        // Not installed yet: the server fetches it.
        if (thrown.code !== 'ENOENT') throw thrown;
      });
    }
    server = await startServer({
      ...vendors.env,
      FLUXSCRIBE_MODELS: models,
      FLUXSCRIBE_MASTER_KEY: randomBytes(32).toString('base64'),
      FLUXSCRIBE_METRICS_PUBLIC: 'false',
      FLUXSCRIBE_ENGINE_WORKERS: '1',
      FLUXSCRIBE_LOG_LEVEL: 'error',
    });
  });
  after(async () => {
    await server?.stop();
    await vendors?.close();
    await python?.remove();
    await rm(models, { recursive: true, force: true });
  });

  it('says what the server does, to every request that schemathesis makes of it', async () => {
    const args = [
      ...['--config-file', join(here, 'openapi.toml'), 'run', `${server.url}/openapi.json`],
      ...['--header', `Authorization: Bearer ${serverKey}`, '--max-examples', examples, '--seed', seed],
      ...['--continue-on-failure', '--no-color', '--warnings', 'off', '--generation-database', 'none'],
    ];
    const env = { ...process.env, SCHEMATHESIS_HOOKS: 'openapi_hooks', PYTHONPATH: here, OPENAPI_CLIP: speech.path };
    const child = spawn(join(python.binDir, 'schemathesis'), args, {
      env,
      // It leaves a folder where it runs.
      cwd: models,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, output);
    assert.match(output, /Tested: (\d+)/);
  });
});
