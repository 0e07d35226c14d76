import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { runCli } from '../helpers/run-cli.ts';
import { assertSameWords, longSpeechWav, speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer, until } from '../helpers/start-server.ts';

async function transcribe(server: ServerProcess, key: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  const form = new FormData();
  form.set('file', new Blob([bytes]), 'clip');
  form.set('response_format', 'text');
  const headers = { authorization: `Bearer ${key}` };
  return fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', headers, body: form });
}

describe('the server process', () => {
  let dataDir = '';
  const servers: ServerProcess[] = [];
  const start = async (env: Record<string, string> = {}) => {
    const server = await startServer({ FLUXSCRIBE_DATA: dataDir, ...env });
    servers.push(server);
    return server;
  };
  const end = async (server: ServerProcess) => {
    server.signal('SIGTERM');
    return server.exited;
  };

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'serve-test-'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.signal('SIGKILL');
      await server.exited;
    }
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('makes a key at the first start, shows it once with a command to try, and takes it after a restart', async () => {
    const first = await start({ FLUXSCRIBE_ADMIN_KEY: '' });
    const key = /Admin key\s+(flux_\S+)/.exec(first.output())?.[1];
    assert.ok(key);
    assert.ok(first.output().includes(`-H "Authorization: Bearer ${key}"`));
    assert.match(first.output(), /-F file=@examples\/hello\.wav/);
    assert.deepEqual(await end(first), { code: 0, signal: null });

    const second = await start({ FLUXSCRIBE_ADMIN_KEY: '' });
    assert.ok(!second.output().includes(key));
    const answer = await transcribe(second, key, readFileSync(speech.path));
    assertSameWords(await answer.text(), speech.text);
    assert.equal((await transcribe(second, 'another', readFileSync(speech.path))).status, 401);
  });

  it('uses the key of the settings without showing or storing it', async () => {
    const server = await start();
    assert.ok(!server.output().includes(serverKey));
    assert.equal((await fetch(`${server.url}/v1/models`, { headers: { 'x-api-key': serverKey } })).status, 200);
    assert.ok(!existsSync(join(dataDir, 'keys.json')));
  });

  it('says in one line that its port is taken, and ends with 1', async () => {
    const server = await start();
    const env = { PORT: String(server.port), FLUXSCRIBE_DATA: join(dataDir, 'other'), FLUXSCRIBE_LOG_LEVEL: 'silent' };
    const result = await runCli(['serve'], { cwd: dataDir, env });
    assert.equal(result.code, 1);
    assert.equal(result.stderr, `Port ${server.port} on 127.0.0.1 is in use. Set PORT to another one.\n`);
    // No key was made that nobody has seen, and no database for nobody.
    assert.ok(!existsSync(join(dataDir, 'other')));
  });

  it('says that its key file or its catalogue is damaged, and ends with 1', async () => {
    writeFileSync(join(dataDir, 'keys.json'), 'no json');
    const keys = await runCli(['serve'], { cwd: dataDir, env: { PORT: '0', FLUXSCRIBE_DATA: dataDir } });
    assert.equal(keys.code, 1);
    assert.match(keys.stderr, /keys\.json: is not a key file/);
    const env = { PORT: '0', FLUXSCRIBE_CATALOGUE_FILE: join(dataDir, 'keys.json') };
    const catalogue = await runCli(['serve'], { cwd: dataDir, env });
    assert.equal(catalogue.code, 1);
    assert.match(catalogue.stderr, /keys\.json: /);
  });

  it('finishes a request in progress after SIGTERM, takes no new one, and ends with 0', async () => {
    const server = await start({ FLUXSCRIBE_ENGINE_WORKERS: '1', FLUXSCRIBE_SHUTDOWN_GRACE_SECONDS: '120' });
    const answer = transcribe(server, serverKey, longSpeechWav(30));
    await until('the engine is at work', 30_000, async () => (await server.metric('fluxscribe_engine_running')) > 0);
    server.signal('SIGTERM');
    const response = await answer;
    assert.equal(response.status, 200);
    assert.match(await response.text(), /quick brown fox/i);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    await assert.rejects(fetch(`${server.url}/livez`));
  });

  it('cuts a request that outlives the grace, and still ends with 0 and without a left-over', async () => {
    const server = await start({ FLUXSCRIBE_ENGINE_WORKERS: '1', FLUXSCRIBE_SHUTDOWN_GRACE_SECONDS: '0.2' });
    const answer = transcribe(server, serverKey, longSpeechWav(1200));
    await until('the engine is at work', 30_000, async () => (await server.metric('fluxscribe_engine_running')) > 0);
    server.signal('SIGTERM');
    await assert.rejects(answer.then((response) => response.text()));
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.deepEqual(readdirSync(join(dataDir, 'uploads'), { recursive: true }), []);
  });

  it('takes a signal that arrives twice at once, as from a terminal under npm, as one', async () => {
    const server = await start();
    server.signal('SIGINT');
    server.signal('SIGINT');
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});
