import assert from 'node:assert/strict';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { makeTestDatabase, testedKinds } from '../helpers/databases.ts';
import { isAlive } from '../helpers/process-tree.ts';
import { rawClient } from '../helpers/raw-client.ts';
import { assertSameWords, helloText, longSpeechWav } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, spawnServer, startServer, until } from '../helpers/start-server.ts';

/** What becomes of requests, of the server and of everything that it started when a part of it is ended. */

const minutes = (count: number) => longSpeechWav(60 * count);
/** How often the clip is said in a recording of this length: 2.965 s of speech, 1 s of silence. */
const timesSaid = (seconds: number) => Math.ceil(seconds / 3.965);

async function start(context: TestContext, env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startServer(env);
  context.after(() => server.stop());
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { text?: string; duration?: number; error?: { code: string; message: string; origin: string } };
}

async function transcribe(server: ServerProcess, sound: Buffer<ArrayBuffer>, signal?: AbortSignal): Promise<Answer> {
  const body = new FormData();
  body.append('file', new Blob([sound]), 'speech');
  const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serverKey}` },
    body,
    ...(signal && { signal }),
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

/** A short clip is answered as ever. */
async function assertWorks(server: ServerProcess): Promise<void> {
  const { status, body } = await transcribe(server, longSpeechWav(3));
  assert.equal(status, 200, JSON.stringify(body));
  assertSameWords(body.text!, helloText);
}

/** Every sentence of a long recording is in its answer. */
function assertComplete(answer: Answer, seconds: number): void {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.duration, seconds);
  const heard = answer.body.text!.match(/lazy dog/gi)?.length ?? 0;
  // The last repeat may be cut off by the end of the recording.
  assert.ok(Math.abs(heard - timesSaid(seconds)) <= 1, `${heard} of ${timesSaid(seconds)} sentences`);
}

const isRecognising = (server: ServerProcess) => async () => (await server.metric('fluxscribe_engine_running')) > 0;

describe('an engine process that is killed', () => {
  it('costs the request that it works on a 503, and nobody else anything', async (context) => {
    const server = await start(context);
    const pending = transcribe(server, minutes(10));
    await until('the engine works', 20_000, isRecognising(server));
    const killed = server.enginePids();
    assert.ok(killed.length > 0);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    const answer = await pending;
    // It may have hit the moment between two pieces of work, which costs nothing.
    if (answer.status === 200) assertComplete(answer, 600);
    else {
      assert.deepEqual([answer.status, answer.body.error?.code], [503, 'engine_crashed']);
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      assert.match(answer.headers.get('x-request-id') ?? '', /^req_/);
    }
    await assertWorks(server);
    await until('as many engine processes as before', 20_000, () => server.enginePids().length === killed.length);
    assert.deepEqual(
      server.enginePids().filter((pid) => killed.includes(pid)),
      [],
    );
  });

  it('is replaced when it was idle', async (context) => {
    const server = await start(context);
    for (let round = 0; round < 3; round++) {
      const killed = server.enginePids();
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await until('they have ended', 5000, () => !killed.some(isAlive));
      await assertWorks(server);
    }
  });

  it('is given up when it hangs, with a timeout for its request', async (context) => {
    const server = await start(context, { FLUXSCRIBE_ENGINE_JOB_TIMEOUT_SECONDS: '5', FLUXSCRIBE_ENGINE_WORKERS: '1' });
    const [hung] = server.enginePids();
    process.kill(hung!, 'SIGSTOP');
    const { status, body } = await transcribe(server, longSpeechWav(3));
    assert.deepEqual([status, body.error?.code], [504, 'timeout']);
    await assertWorks(server);
    assert.equal(isAlive(hung!), false);
  });
});

describe('a decoding process that is killed', () => {
  it('costs nobody anything: another goes on where it stopped', async (context) => {
    const server = await start(context);
    const pending = transcribe(server, minutes(10));
    await until('the engine works', 20_000, isRecognising(server));
    const killed = server.decoderPids();
    assert.ok(killed.length > 0);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    assertComplete(await pending, 600);
    await assertWorks(server);
  });

  it('is replaced when it was idle', async (context) => {
    const server = await start(context);
    for (let round = 0; round < 3; round++) {
      const killed = server.decoderPids();
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await until('they have ended', 5000, () => !killed.some(isAlive));
      await assertWorks(server);
    }
  });
});

describe('a caller who hangs up', () => {
  it('stops the work on a long recording and takes its upload along', async (context) => {
    const server = await start(context);
    const controller = new AbortController();
    const pending = transcribe(server, minutes(30), controller.signal);
    const failed = assert.rejects(pending, { name: 'AbortError' });
    await until('the engine works', 30_000, isRecognising(server));
    assert.equal((await server.spooledFiles()).length, 1);
    controller.abort();
    await failed;
    // The whole recording would take over half a minute.
    await server.idle(10_000);
    await until('the upload is gone', 5000, async () => (await server.spooledFiles()).length === 0);
    await assertWorks(server);
  });

  it('does so from the middle of a stream', async (context) => {
    const server = await start(context);
    const body = new FormData();
    body.append('file', new Blob([minutes(30)]), 'speech');
    body.append('stream', 'true');
    const controller = new AbortController();
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${serverKey}` },
      body,
      signal: controller.signal,
    });
    const reader = response.body!.getReader();
    const first = await reader.read();
    assert.match(Buffer.from(first.value!).toString(), /transcript\.text\.delta|^:/);
    controller.abort();
    await server.idle(10_000);
    await until('the upload is gone', 5000, async () => (await server.spooledFiles()).length === 0);
    await assertWorks(server);
  });
});

describe('a full queue', () => {
  it('is a 503 with the time after which to try again, and passes', async (context) => {
    const server = await start(context, { FLUXSCRIBE_ENGINE_QUEUE_LIMIT: '1', FLUXSCRIBE_ENGINE_WORKERS: '1' });
    const pending = transcribe(server, minutes(3));
    await until('the engine works', 20_000, isRecognising(server));
    for (let round = 0; round < 3; round++) {
      const { status, headers, body } = await transcribe(server, longSpeechWav(3));
      assert.deepEqual([status, body.error?.code, body.error?.origin], [503, 'service_unavailable', 'router']);
      assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    }
    assertComplete(await pending, 180);
    await assertWorks(server);
  });
});

describe('a server that is told to stop', () => {
  for (const [name, stop] of [
    ['SIGTERM', (server: ServerProcess) => server.signal('SIGTERM')],
    ['Ctrl-C in a terminal, which reaches every process', (server: ServerProcess) => server.signalGroup('SIGINT')],
    ['SIGTERM to every process, as systemd sends it', (server: ServerProcess) => server.signalGroup('SIGTERM')],
  ] as const) {
    it(`finishes the request in progress, refuses new ones and ends with code 0: ${name}`, async (context) => {
      const server = await start(context);
      const pending = transcribe(server, minutes(4));
      await until('the engine works', 20_000, isRecognising(server));
      const children = server.childPids();
      stop(server);
      await until('new connections are refused', 5000, async () => {
        return fetch(`${server.url}/livez`).then(
          () => false,
          () => true,
        );
      });
      assertComplete(await pending, 240);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      await until('every process below it has ended', 5000, () => !children.some(isAlive));
      assert.deepEqual(await server.spooledFiles(), []);
    });
  }

  it('refuses a request that comes late on a connection that was open, in the shape of every failure', async (context) => {
    const server = await start(context);
    const pending = transcribe(server, minutes(1));
    await until('the engine works', 20_000, isRecognising(server));
    const client = await rawClient(server.port, 'GET /v1/models HTTP/1.1\r\nhost: here\r\n');
    server.signal('SIGTERM');
    await until('it has heard', 5000, () => server.output().includes('"stopping'));
    client.socket.write(`authorization: Bearer ${serverKey}\r\n\r\n`);
    await client.closed;
    assert.match(client.received(), /^HTTP\/1\.1 503 .*\r\nretry-after: 5\r\n.*"code":"service_unavailable"/is);
    assert.equal((await pending).status, 200);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  it('cuts what is not finished within the grace, and ends with code 0 all the same', async (context) => {
    const server = await start(context, { FLUXSCRIBE_SHUTDOWN_GRACE_SECONDS: '1' });
    const pending = transcribe(server, minutes(30));
    const failed = assert.rejects(pending);
    await until('the engine works', 30_000, isRecognising(server));
    const children = server.childPids();
    server.signal('SIGTERM');
    await failed;
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    await until('every process below it has ended', 5000, () => !children.some(isAlive));
    assert.deepEqual(await server.spooledFiles(), []);
  });
});

describe('a server that is killed', () => {
  it('leaves no process behind, and the next start clears its uploads away', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'fluxscribe-killed-'));
    const server = await startServer({ FLUXSCRIBE_DATA: folder });
    const failed = assert.rejects(transcribe(server, minutes(10)));
    await until('the engine works', 20_000, isRecognising(server));
    const children = server.childPids();
    assert.ok(children.length >= 2);
    server.signal('SIGKILL');
    await failed;
    await until('every process below it has ended', 5000, () => !children.some(isAlive));
    assert.equal((await server.spooledFiles()).length, 1);

    const next = await start(context, { FLUXSCRIBE_DATA: folder });
    assert.deepEqual(await next.spooledFiles(), []);
    assert.equal((await readdir(join(folder, 'uploads'))).length, 1);
    const { body } = await transcribe(next, longSpeechWav(3));
    assertSameWords(body.text!, helloText);
  });
});

describe('two servers at once', () => {
  const withoutPostgres = testedKinds.includes('postgres') ? false : 'FLUXSCRIBE_TEST_DATABASE_URL is not set';

  it('share a data folder over one PostgreSQL without touching each other’s uploads', {
    skip: withoutPostgres,
  }, async (context) => {
    const database = await makeTestDatabase('postgres');
    context.after(() => database.remove());
    const env = {
      FLUXSCRIBE_DATA: await mkdtemp(join(tmpdir(), 'fluxscribe-shared-')),
      DATABASE_URL: database.options.url ?? '',
    };
    const first = await startServer(env);
    const pending = transcribe(first, minutes(3));
    await until('the engine works', 20_000, isRecognising(first));
    const second = await startServer(env);
    await assertWorks(second);
    assertComplete(await pending, 180);
    second.signal('SIGTERM');
    assert.deepEqual(await second.exited, { code: 0, signal: null });
    await first.stop();
  });

  it('are one where the database is embedded: the other says so and ends, and takes nothing along', async (context) => {
    const env = { FLUXSCRIBE_DATA: await mkdtemp(join(tmpdir(), 'fluxscribe-shared-')) };
    const first = await start(context, env);
    const pending = transcribe(first, minutes(1));
    await until('the engine works', 20_000, isRecognising(first));
    const second = await spawnServer(env);
    assert.notEqual((await second.exited).code, 0);
    assert.match(second.output(), new RegExp(`in use by process ${first.pid} .*Stop it, or set DATABASE_URL`));
    assertComplete(await pending, 60);
    await assertWorks(first);
  });
});
