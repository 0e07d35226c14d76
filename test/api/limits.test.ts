import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import OpenAI from 'openai';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { Caller } from '../../src/auth/key-directory.ts';
import { createLimiter } from '../../src/limits/limiter.ts';
import { createMemoryCounters } from '../../src/limits/memory-counters.ts';
import { callerOf, unlimitedPlan } from '../helpers/callers.ts';
import { outcomeOf, type Step } from '../helpers/scripted-transcribe.ts';
import { goodKey, startTestGateway } from '../helpers/test-gateway.ts';
import { twoTickets } from '../helpers/transcripts.ts';

/** A gateway whose only key is this caller's, with a clock that stands. */
async function start(
  context: { after(release: () => Promise<void>): void },
  caller: Caller,
  more: Parameters<typeof startTestGateway>[1] = {},
) {
  const time = { nowMs: 1_763_740_000_000 };
  const counters = createMemoryCounters({ nowMs: () => time.nowMs });
  const gateway = await startTestGateway(context, {
    auth: createAuthenticator({ findByHash: async () => caller }),
    limiter: createLimiter(counters),
    ...more,
  });
  return { gateway, time, counters };
}

function form(): FormData {
  const data = new FormData();
  data.set('model', 'flux-voice');
  data.set('file', new Blob([new Uint8Array(1_000)]), 'clip.wav');
  return data;
}

function send(url: string): Promise<Response> {
  return fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${goodKey}` },
    body: form(),
  });
}

/** As the pipeline does: tells the length, then answers. */
function heard(durationMs: number): Step {
  return async (ask) => {
    await ask.onLength?.(durationMs);
    return outcomeOf(twoTickets);
  };
}

const limitsIn = (response: Response, name: string) =>
  ['limit', 'remaining', 'reset'].map((what) => response.headers.get(`x-ratelimit-${what}-${name}`));

describe('limits over HTTP', () => {
  it('tell on every answer what is left, and on a refusal when to come again', async (context) => {
    const caller = callerOf('k', { requestsPerMinute: 2, plan: { ...unlimitedPlan, audioSecondsPerMinute: 300 } });
    const { gateway, time } = await start(context, caller);
    gateway.script.play(heard(12_500));
    const first = await send(gateway.url);
    assert.equal(first.status, 200);
    assert.deepEqual(limitsIn(first, 'requests'), ['2', '1', '30s']);
    assert.deepEqual(limitsIn(first, 'audio-seconds'), ['300', '287', '2.5s']);
    assert.equal((await send(gateway.url)).status, 200);
    const refused = await send(gateway.url);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '30');
    assert.equal(refused.headers.get('x-should-retry'), null);
    assert.deepEqual(limitsIn(refused, 'requests'), ['2', '0', '1m0s']);
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    assert.deepEqual(error, {
      message: 'Too many requests: this key may use 2 requests a minute. Try again in 30 s.',
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      param: null,
      origin: 'router',
    });
    assert.equal(gateway.script.calls.length, 2);
    time.nowMs += 30_000;
    assert.equal((await send(gateway.url)).status, 200);
  });

  it('refuse before the body is read', async (context) => {
    const { gateway } = await start(context, callerOf('k', { requestsPerMinute: 1 }));
    await send(gateway.url);
    await send(gateway.url);
    await gateway.until(() => gateway.records.length === 2);
    assert.deepEqual(
      gateway.records.map(({ status, receivedBytes }) => [status, receivedBytes > 0]),
      [
        [200, true],
        [429, false],
      ],
    );
  });

  it('refuse audio above the rate once its length is known, with the true wait even where SDKs would not keep it', async (context) => {
    const { gateway } = await start(context, callerOf('k', { audioSecondsPerMinute: 60 }));
    gateway.script.play(heard(10_000), heard(200_000), heard(200_000));
    assert.equal((await send(gateway.url)).status, 200);
    const short = await send(gateway.url);
    assert.equal(short.status, 429);
    assert.equal(short.headers.get('retry-after'), '10');
    assert.deepEqual(limitsIn(short, 'audio-seconds'), ['60', '50', '10s']);
    const { gateway: other } = await start(context, callerOf('k', { audioSecondsPerMinute: 60 }));
    other.script.play(heard(200_000));
    assert.equal((await send(other.url)).status, 200);
    const long = await send(other.url);
    assert.equal(long.headers.get('retry-after'), '141');
    assert.equal(long.headers.get('x-should-retry'), 'false');
  });

  it('give a place back after success, failure and hang-up', async (context) => {
    const { gateway, counters } = await start(context, callerOf('k', { maxConcurrent: 1 }));
    const waiting = Promise.withResolvers<void>();
    gateway.script.play(
      async () => {
        await waiting.promise;
        return outcomeOf(twoTickets);
      },
      () => {
        throw new Error('broken');
      },
      async (_ask, signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw signal.reason;
      },
      heard(1),
    );
    const first = send(gateway.url);
    await gateway.until(() => gateway.script.calls.length === 1);
    const refused = await send(gateway.url);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '1');
    waiting.resolve();
    assert.equal((await first).status, 200);
    await gateway.until(() => counters.size === 0);
    assert.equal((await send(gateway.url)).status, 500);
    await gateway.until(() => counters.size === 0);
    const leaving = new AbortController();
    const left = fetch(`${gateway.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${goodKey}` },
      body: form(),
      signal: leaving.signal,
    });
    await gateway.until(() => gateway.script.calls.length === 3);
    leaving.abort();
    await assert.rejects(left);
    await gateway.until(() => counters.size === 0);
    assert.equal((await send(gateway.url)).status, 200);
  });

  it('are waited out by the OpenAI SDK of their own accord', async (context) => {
    const { gateway, time } = await start(context, callerOf('k', { requestsPerMinute: 60 }));
    for (let count = 0; count < 60; count++) assert.equal((await send(gateway.url)).status, 200);
    const client = new OpenAI({ apiKey: goodKey, baseURL: `${gateway.url}/v1`, maxRetries: 1 });
    const ask = () => client.audio.transcriptions.create({ model: 'flux-voice', file: new File(['x'], 'a.wav') });
    await assert.rejects(ask(), (thrown) => {
      assert.ok(thrown instanceof OpenAI.RateLimitError);
      assert.equal(thrown.code, 'rate_limit_exceeded');
      assert.equal(thrown.headers?.get('retry-after'), '1');
      return true;
    });
    const patient = ask();
    await gateway.until(() => gateway.records.filter(({ status }) => status === 429).length === 3);
    time.nowMs += 1_000;
    assert.equal((await patient).text, twoTickets.text);
  });

  it('are not told where there are none', async (context) => {
    const { gateway } = await start(context, callerOf('k'));
    const answer = await send(gateway.url);
    assert.equal(answer.status, 200);
    assert.deepEqual(
      [...answer.headers.keys()].filter((name) => name.startsWith('x-ratelimit')),
      [],
    );
  });

  it('turn everybody away while there is too much to do, before anybody is counted', async (context) => {
    let waiting = 10;
    const { gateway, counters } = await start(context, callerOf('k', { requestsPerMinute: 1 }), {
      loadSignals: [{ name: 'engine queue', read: () => waiting, ceiling: 10 }],
    });
    const refused = await send(gateway.url);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '2');
    assert.equal(counters.size, 0);
    waiting = 9;
    assert.equal((await send(gateway.url)).status, 200);
  });

  it('turn uploads away from the share of memory that is set', async (context) => {
    const { gateway } = await start(context, callerOf('k'), {
      limits: { memoryTotalBytes: 10_000, shedUploadMemoryShare: 0.1 },
    });
    const waiting = Promise.withResolvers<void>();
    gateway.script.play(async () => {
      await waiting.promise;
      return outcomeOf(twoTickets);
    }, heard(1));
    const first = send(gateway.url);
    await gateway.until(() => gateway.script.calls.length === 1);
    assert.equal((await send(gateway.url)).status, 503);
    waiting.resolve();
    assert.equal((await first).status, 200);
    assert.equal((await send(gateway.url)).status, 200);
  });
});
