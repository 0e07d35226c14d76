import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hashKey } from '../../src/auth/key-store.ts';
import { runCli } from '../helpers/run-cli.ts';

describe('the fluxscribe command', () => {
  let cwd = '';
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'cli-test-'));
  });
  afterEach(() => rmSync(cwd, { recursive: true }));

  it('shows its commands and its version', async () => {
    const help = await runCli(['--help'], { cwd });
    assert.equal(help.code, 0);
    for (const command of ['serve', 'transcribe', 'models', 'keys'])
      assert.match(help.stdout, new RegExp(`^  ${command}`, 'm'));
    const version = await runCli(['--version'], { cwd });
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('ends with 2 and says why when the command line is wrong', async () => {
    for (const argv of [
      ['bogus'],
      ['transcribe'],
      ['transcribe', 'x.wav', '--format', 'mp3'],
      ['models', 'info', 'nope'],
    ]) {
      const result = await runCli(argv, { cwd });
      assert.equal(result.code, 2, argv.join(' '));
      assert.notEqual(result.stderr, '', argv.join(' '));
      assert.equal(result.stdout, '', argv.join(' '));
    }
  });

  it('ends with 2 and names the setting when one is wrong', async () => {
    const result = await runCli(['models', 'list'], { cwd, env: { PORT: '70000', FLUXSCRIBE_LOG_LEVEL: 'loud' } });
    assert.equal(result.code, 2);
    assert.match(result.stderr, /^PORT \(port\)/m);
    assert.match(result.stderr, /^FLUXSCRIBE_LOG_LEVEL \(logLevel\)/m);
  });

  it('reads fluxscribe.yaml of the folder where it runs', async () => {
    writeFileSync(join(cwd, 'fluxscribe.yaml'), 'modelDir: x\n');
    const result = await runCli(['models', 'list'], { cwd });
    assert.equal(result.code, 2);
    assert.match(result.stderr, /modelDir: there is no such setting .* Did you mean modelsDir\?/);
  });

  it('lists models and whether they are installed', async () => {
    const env = { FLUXSCRIBE_MODELS: join(cwd, 'none') };
    const result = await runCli(['models', 'list'], { cwd, env });
    assert.equal(result.code, 0);
    assert.match(result.stdout, /^moonshine-tiny\s+recogniser\s+not installed\s+28\.2 MB\s+en\s+MIT$/m);
    const rows: unknown = JSON.parse((await runCli(['models', 'list', '--json'], { cwd, env })).stdout);
    assert.ok(Array.isArray(rows) && rows.length >= 2);
  });

  it('imports a model folder, shows it, and removes it; keeps what a start needs', async () => {
    const env = { FLUXSCRIBE_MODELS: join(cwd, 'models') };
    const folder = join(cwd, 'My Moonshine');
    mkdirSync(folder);
    writeFileSync(join(folder, 'encoder_model.onnx'), 'e');
    writeFileSync(join(folder, 'decoder_model_merged.onnx'), 'd');
    const imported = await runCli(['models', 'import', 'My Moonshine', '--languages', 'Swedish'], { cwd, env });
    assert.match(imported.stdout, /^Imported: my-moonshine \(sv\)$/m);
    const again = await runCli(['models', 'import', 'My Moonshine'], { cwd, env });
    assert.deepEqual([again.code, /already.*--name/s.test(again.stderr)], [2, true]);
    const info = await runCli(['models', 'info', 'local/my-moonshine'], { cwd, env });
    assert.match(info.stdout, /^State +imported$/m);
    const path = await runCli(['models', 'path', 'my-moonshine'], { cwd, env });
    assert.equal(path.stdout, `${join(cwd, 'models', 'my-moonshine')}\n`);
    const removed = await runCli(['models', 'remove', 'my-moonshine', 'whisper-tiny'], { cwd, env });
    assert.equal(removed.stdout, 'Removed: my-moonshine\nWas not there: whisper-tiny\n');
    const refused = await runCli(['models', 'remove', 'silero-vad'], { cwd, env });
    assert.deepEqual([refused.code, /--force/.test(refused.stderr)], [2, true]);
  });

  it('fails with every place that was tried when a model cannot be had', async () => {
    const env = {
      FLUXSCRIBE_MODELS: join(cwd, 'none'),
      FLUXSCRIBE_MODEL_MIRROR: join(cwd, 'mirror'),
      npm_config_registry: 'http://127.0.0.1:9/',
      // Addresses in the catalogue are out of reach too, wherever this runs.
      HTTPS_PROXY: 'http://127.0.0.1:9/',
    };
    const result = await runCli(['models', 'pull', 'moonshine-tiny'], { cwd, env });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /1\. mirror .*mirror\/silero-vad\/silero_vad_v5\.onnx: there is no such file/);
    assert.match(result.stderr, /2\. npm package @ricky0123\/vad-web@\S+: .*ECONNREFUSED/);
  });

  it('replaces the admin key, prints it alone, and keeps its hash alone', async () => {
    const data = join(cwd, 'data');
    const result = await runCli(['keys', 'reset-admin'], { cwd, env: { FLUXSCRIBE_DATA: data } });
    assert.equal(result.code, 0);
    const key = result.stdout.trim();
    const file = readFileSync(join(data, 'keys.json'), 'utf8');
    assert.ok(file.includes(hashKey(key)) && !file.includes(key));
    const refused = await runCli(['keys', 'reset-admin'], { cwd, env: { FLUXSCRIBE_ADMIN_KEY: 'a-key-of-mine' } });
    assert.equal(refused.code, 2);
  });
});
