import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { loadCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { createUpstreams, withConfiguredModels } from '../../src/compose-providers.ts';
import { createRouting } from '../../src/compose-routing.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import type { Plan } from '../../src/routing/plan.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { startTraces } from '../../src/telemetry/traces.ts';
import { fixturePath } from '../helpers/audio-files.ts';
import {
  answerJson,
  answerText,
  type FakeVendor,
  resetConnection,
  stall,
  startFakeVendor,
  type VendorBehaviour,
} from '../helpers/fake-vendor.ts';
import { noAudio, plainAsk, ScriptedProvider, answers as says } from '../helpers/scripted-provider.ts';

const answer = (text: string) => answerJson({ text });

/** Behaviours in order, one a request, the last again and again. */
function inOrder(...behaviours: VendorBehaviour[]): VendorBehaviour {
  let count = 0;
  return (request, response) => behaviours[Math.min(count++, behaviours.length - 1)]!(request, response);
}

describe('attempts over the network, as the settings want them', () => {
  let folder = '';
  let one: FakeVendor;
  let two: FakeVendor;
  const path = fixturePath('made-opus.ogg');
  const ask = { ...plainAsk, audio: { ...noAudio, stored: { path, sizeBytes: statSync(path).size } } };
  const closing: (() => Promise<void>)[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'attempts-test-'));
    [one, two] = await Promise.all([startFakeVendor(), startFakeVendor()]);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    for (const vendor of [one, two]) vendor.requests.length = 0;
  });
  after(async () => {
    await Promise.all([one.close(), two.close()]);
    await rm(folder, { recursive: true });
  });

  const planOf = (...ids: string[]): Plan => ({
    resolvedName: 'house',
    attempts: ids.map((id) => ({ modelId: `${id}/whisper-1`, providerId: id })),
    passedOver: [],
  });

  /** Routing over `one`, `two` and `both`, which has the addresses of the two. */
  async function given(settings = '', more: Partial<Parameters<typeof createRouting>[0]> = {}) {
    writeFileSync(
      join(folder, 'fluxscribe.yaml'),
      `providers:
  - { id: one, kind: openai-like, baseUrl: ${one.url}/v1, models: [{ name: whisper-1 }] }
  - { id: two, kind: openai-like, baseUrl: ${two.url}/v1, models: [{ name: whisper-1 }] }
  - { id: both, kind: openai-like, baseUrls: [${one.url}/v1, ${two.url}/v1], models: [{ name: whisper-1 }] }
routing: { ${settings} }
`,
    );
    const config = loadConfig({ env: {}, workingDir: folder });
    const catalogue = withConfiguredModels(loadCatalogue(null), config.providers);
    const upstreams = createUpstreams(config.providers, () => catalogue);
    closing.push(() => upstreams.close());
    const embedded = new ScriptedProvider('local', says('here'));
    const routing = createRouting({
      config,
      embedded,
      upstreams: upstreams.providers,
      boxes: upstreams.boxes,
      ...more,
    });
    const metrics = createMetrics({ processMetrics: false, breakers: () => routing.breakers.list() });
    routing.observe(metrics.attempts);
    const run = (plan: Plan, signal = new AbortController().signal) =>
      routing.attempts.run(plan, ask, { signal, log: silentLog });
    return { routing, run, metrics };
  }

  it('ask a vendor again whose connection broke before an answer', async () => {
    const { run, metrics } = await given();
    one.behave(inOrder(resetConnection, answerJson({ error: 'busy' }, 503), answer('third time')));
    const { answer: given3, records } = await run(planOf('one', 'two'));
    assert.equal(given3.transcript.text, 'third time');
    assert.deepEqual([records.length, records[0]?.calls, two.requests.length], [1, 3, 0]);
    const { body } = await metrics.render();
    assert.match(
      body,
      /fluxscribe_attempt_retries_total\{provider="one",model="one\/whisper-1",code="bad_gateway"\} 1/,
    );
    assert.match(body, /fluxscribe_attempts_total\{[^}]*kind="first",outcome="ok"\} 1/);
  });

  it('ask somebody else after nonsense, and a vendor that is busy for a second once more when that is over', async () => {
    const { run } = await given();
    one.behave(answerText('<html>'));
    two.behave(inOrder(answerJson({}, 429, { 'retry-after': '1' }), answer('a second later')));
    const { records } = await run(planOf('one', 'two'));
    assert.deepEqual(
      records.map(({ outcome, calls }) => [outcome, calls]),
      [
        ['bad_gateway', 1],
        ['ok', 2],
      ],
    );
  });

  it('end a call that takes too long at the socket of the vendor', async () => {
    const { run } = await given('attemptBaseSeconds: 1, attemptSecondsPerAudioSecond: 0');
    one.behave(stall);
    two.behave(answer('in time'));
    const { records } = await run(planOf('one', 'two'));
    assert.deepEqual(
      records.map(({ outcome }) => outcome),
      ['timeout', 'ok'],
    );
    assert.equal(await one.requests[0]?.ended, 'cut');
  });

  it('end the slower of two at the socket of its vendor', async () => {
    const { run } = await given('hedge: true, hedgeAfterSeconds: 0.01, hedgeSecondsPerAudioSecond: 0');
    one.behave(stall);
    two.behave(answer('quicker'));
    const { answer: quicker } = await run(planOf('one', 'two'));
    assert.equal(quicker.transcript.text, 'quicker');
    assert.equal(await one.requests[0]?.ended, 'cut');
  });

  it('end both at their sockets when the caller leaves', async () => {
    const { run } = await given('hedge: true, hedgeAfterSeconds: 0.01, hedgeSecondsPerAudioSecond: 0');
    for (const vendor of [one, two]) vendor.behave(stall);
    const caller = new AbortController();
    const left = assert.rejects(run(planOf('one', 'two'), caller.signal), { code: 'client_closed_request' });
    const requests = await Promise.all([one.arrived(0), two.arrived(0)]);
    caller.abort();
    await left;
    assert.deepEqual(await Promise.all(requests.map(({ ended }) => ended)), ['cut', 'cut']);
  });

  it('use every box of a provider, and one where the other is down', async () => {
    const { run } = await given('retries: 0', { dice: () => 0 });
    one.behave(answerJson({}, 500));
    two.behave(answer('here'));
    for (let request = 0; request < 20; request++) assert.equal((await run(planOf('both'))).records[0]?.outcome, 'ok');
    assert.equal(two.requests.length, 20);
    // Its own breaker spares it after five failures.
    assert.equal(one.requests.length, 5);
  });

  it('leave a vendor alone that always fails, and say when it is asked again', async () => {
    const { run, routing, metrics } = await given('retries: 0, breakerFailures: 3, breakerOpenSeconds: 60');
    one.behave(answerJson({}, 500));
    two.behave(answer('there'));
    for (let request = 0; request < 6; request++) await run(planOf('one', 'two'));
    assert.equal(one.requests.length, 3);
    assert.equal(routing.attempts.stateOf('one', 'one/whisper-1').state, 'open');
    await assert.rejects(run(planOf('one')), { code: 'service_unavailable', retryAfterSeconds: 60 });
    assert.match((await metrics.render()).body, /fluxscribe_breaker_state\{provider="one",model="one\/whisper-1"\} 2/);
  });

  it('tell a collector of every attempt, and nothing of what was said', async () => {
    const collector = await startFakeVendor(answerJson({}));
    const tracing = await startTraces({ endpoint: collector.url, version: '1.2.3', log: silentLog });
    const { run } = await given('retries: 0', { tracing });
    one.behave(answerJson({}, 500));
    two.behave(answer('a secret that was said'));
    await run(planOf('one', 'two'));
    await tracing.close();
    const sent = collector.requests.map(({ body }) => body.toString('utf8')).join('');
    await collector.close();
    for (const expected of ['one/whisper-1', 'two/whisper-1', 'fallback', 'bad_gateway', 'fluxscribe.audio_seconds']) {
      assert.ok(sent.includes(expected), expected);
    }
    assert.ok(!sent.includes('secret') && !sent.includes('made-opus'));
  });
});
