import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { readFuzzBases } from '../../bench/support/fuzz-bases.ts';
import { type FuzzReport, fuzzSettings, growthLimitBytes, runFuzz } from '../../bench/support/run-fuzz.ts';
import { isAlive } from '../helpers/process-tree.ts';
import { assertSameWords, speech } from '../helpers/speech.ts';
import { type ServerProcess, serverKey, startServer } from '../helpers/start-server.ts';

/** `node bench/fuzz.ts` sends ten thousand; here a few hundred show that nothing has come loose. */
const count = Number(process.env.FUZZ_COUNT ?? 400);
const seed = Number(process.env.FUZZ_SEED ?? 20_260);

describe(`${count} damaged, lying and spliced uploads`, () => {
  let server: ServerProcess;
  let report: FuzzReport;

  before(async () => {
    server = await startServer(fuzzSettings);
    report = await runFuzz({ server, key: serverKey, bases: readFuzzBases(), seed, count, concurrency: 4 });
  });
  after(() => server?.stop());

  it('all get an answer of the error table or a transcript, never a 5xx', (context) => {
    for (const [kind, times] of report.answers) context.diagnostic(`${times} × ${kind}`);
    const replays = report.failures.map(({ number, story, problem }) => {
      return `node bench/fuzz.ts --seed ${seed} --only ${number}: ${story}: ${problem}`;
    });
    assert.deepEqual(replays, []);
    assert.equal(report.done, count);
    assert.ok(report.answers.get('200')! > 0, 'nothing succeeded');
  });

  it('leave the same server running, with nothing on its disk', async () => {
    assert.equal(isAlive(server.pid), true);
    assert.deepEqual(await server.spooledFiles(), []);
  });

  it('leave its memory as it was', (context) => {
    const growth = report.endBytes - report.halfBytes;
    context.diagnostic(`${Math.round(growth / 1e6)} MB more than after half of the run`);
    assert.ok(growth <= growthLimitBytes, `${growth} bytes`);
  });

  it('leave it able to hear', async () => {
    const body = new FormData();
    body.append('file', await openAsBlob(speech.path), 'speech.ogg');
    const headers = { authorization: `Bearer ${serverKey}` };
    const response = await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', headers, body });
    assertSameWords(JSON.parse(await response.text()).text, speech.text);
  });
});
