import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../src/core/errors.ts';
import type { TranscribeOutcome } from '../../src/pipeline/transcribe-file.ts';
import { multipartBody, multipartType } from '../helpers/multipart.ts';
import { rawClient } from '../helpers/raw-client.ts';
import { outcomeOf, type Step, untilHangUp } from '../helpers/scripted-transcribe.ts';
import { goodKey, startTestGateway, type TestGateway, wavBytes } from '../helpers/test-gateway.ts';
import { segmentOf, twoTickets } from '../helpers/transcripts.ts';

function post(gateway: TestGateway, fields: Record<string, string>): Promise<Response> {
  const parts = Object.entries(fields).map(([name, value]) => ({ name, value }));
  return fetch(`${gateway.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: goodKey, 'content-type': multipartType },
    body: new Uint8Array(multipartBody([...parts, { name: 'file', value: wavBytes(), fileName: 'a.wav' }])),
  });
}

/** Work that ends when the test says so. */
function heldWork(): { step: Step; finish: (outcome: TranscribeOutcome) => void; fail: (error: Error) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<TranscribeOutcome>();
  // Early headers may go before the work is asked for: it may have failed by then, with nobody listening yet.
  promise.catch(() => undefined);
  return { step: () => promise, finish: resolve, fail: reject };
}

/** Reads a body until it holds the text, then gives what was read so far; the reader goes on from there. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

const quick = { heartbeatIntervalMs: 5, streamHeadersAfterMs: 5, earlyHeadersAfterMs: 5 };

describe('a stream', () => {
  it('begins with its headers and heartbeats while the work goes on, and ends with the receipt and [DONE]', async (context) => {
    const gateway = await startTestGateway(context, { limits: quick });
    const work = heldWork();
    gateway.script.play(work.step);
    const response = await post(gateway, { stream: 'true' });
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('x-accel-buffering'), 'no');
    const reader = response.body!.getReader();
    assert.match(await readUntil(reader, ': ping\n\n: ping\n\n'), /^(: ping\n\n)+$/);
    work.finish(outcomeOf(twoTickets, { unmet: ['prompt'] }));
    const rest = await readUntil(reader, '[DONE]\n\n');
    const events = rest
      .split('\n\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice(6)));
    assert.deepEqual(
      events.map((one) => one.type),
      ['transcript.text.delta', 'transcript.text.delta', 'transcript.text.done'],
    );
    assert.deepEqual(events.at(-1).x_flux, {
      routed_model: 'local/moonshine-tiny',
      billed_seconds: 10,
      cost_usd: '0.016666667',
      unmet: ['prompt'],
    });
    assert.match(rest, /data: \[DONE\]\n\n$/);
    assert.doesNotMatch(rest, /^event:/m);
  });

  it('sends each segment when it is finished', async (context) => {
    const gateway = await startTestGateway(context);
    const work = heldWork();
    gateway.script.play((ask, signal, onEvent) => {
      onEvent({ type: 'progress', processedMs: 1000, durationMs: 4600 });
      onEvent({ type: 'segment-final', segment: twoTickets.segments[0]!, words: null, tokens: null });
      return work.step(ask, signal, onEvent);
    });
    const response = await post(gateway, { stream: 'true' });
    const reader = response.body!.getReader();
    const first = await readUntil(reader, '\n\n');
    assert.equal(first, 'data: {"type":"transcript.text.delta","delta":"Two tickets, please."}\n\n');
    work.finish(outcomeOf(twoTickets));
    await readUntil(reader, '[DONE]');
  });

  it('has the receipt in its headers too when the work was done before they had to go', async (context) => {
    const gateway = await startTestGateway(context);
    const response = await post(gateway, { stream: 'true' });
    assert.equal(response.headers.get('x-flux-routed-model'), 'local/moonshine-tiny');
    await response.text();
  });

  it('tells a failure after its headers as an event and ends there', async (context) => {
    const gateway = await startTestGateway(context, { limits: quick });
    const work = heldWork();
    gateway.script.play(work.step);
    const response = await post(gateway, { stream: 'true' });
    assert.equal(response.status, 200);
    work.fail(new GatewayError('engine_crashed', 'The engine died.'));
    const text = (await response.text()).replaceAll(': ping\n\n', '');
    assert.equal(
      text,
      'data: {"error":{"message":"The engine died.","type":"server_error","code":"engine_crashed","param":null,"origin":"router"}}\n\n',
    );
    await gateway.until(() => gateway.records.length === 1);
    assert.deepEqual([gateway.records[0]!.status, gateway.records[0]!.errorCode], [200, 'engine_crashed']);
  });

  it('stops the work when its reader leaves after the first event', async (context) => {
    const gateway = await startTestGateway(context);
    gateway.script.play((ask, signal, onEvent) => {
      onEvent({ type: 'segment-final', segment: twoTickets.segments[0]!, words: null, tokens: null });
      return untilHangUp(ask, signal, onEvent);
    });
    const response = await post(gateway, { stream: 'true' });
    await response.body!.cancel();
    await gateway.until(() => gateway.records.length === 1);
    assert.equal(gateway.records[0]!.status, 499);
    assert.equal(gateway.script.calls[0]!.signal.aborted, true);
    assert.deepEqual(await gateway.spooled(), []);
  });

  it('cuts off a reader that takes nothing', async (context) => {
    const gateway = await startTestGateway(context, { limits: { ...quick, stallTimeoutMs: 20 } });
    gateway.script.play((ask, signal, onEvent) => {
      // More than the socket's buffers hold.
      const text = 'word '.repeat(200_000);
      for (let index = 0; index < 20; index++) {
        onEvent({ type: 'segment-final', segment: segmentOf(text, index, index + 1), words: null, tokens: null });
      }
      return untilHangUp(ask, signal, onEvent);
    });
    const body = multipartBody([
      { name: 'stream', value: 'true' },
      { name: 'file', value: wavBytes() },
    ]);
    const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nauthorization: ${goodKey}\r\ncontent-type: ${multipartType}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const client = await rawClient(gateway.port, head);
    client.socket.pause();
    client.socket.write(body);
    await gateway.until(() => gateway.records.length === 1);
    assert.equal(gateway.records[0]!.status, 499);
    assert.equal(gateway.script.calls[0]!.signal.aborted, true);
    client.socket.destroy();
  });
});

describe('a long reply in JSON', () => {
  it('gets its headers early and spaces until it is there, for every JSON format', async (context) => {
    for (const format of ['json', 'verbose_json', 'diarized_json']) {
      const gateway = await startTestGateway(context, { limits: quick });
      const work = heldWork();
      gateway.script.play(work.step);
      const response = await post(gateway, { response_format: format });
      assert.equal(response.headers.get('content-type'), 'application/json');
      const reader = response.body!.getReader();
      const early = await readUntil(reader, '   ');
      assert.match(early, /^ +$/);
      work.finish(outcomeOf(twoTickets));
      const body = JSON.parse(early + (await readUntil(reader, '\0')));
      assert.equal(body.text, twoTickets.text);
      assert.equal(body.x_flux.routed_model, 'local/moonshine-tiny');
    }
  });

  it('has a failure after that in its body, under the key error', async (context) => {
    const gateway = await startTestGateway(context, { limits: quick });
    const work = heldWork();
    gateway.script.play(work.step);
    const response = await post(gateway, {});
    assert.equal(response.status, 200);
    work.fail(new GatewayError('timeout', 'Too slow.'));
    assert.equal(JSON.parse(await response.text()).error.code, 'timeout');
  });

  it('is not begun early for text, where spaces would be seen', async (context) => {
    const gateway = await startTestGateway(context, { limits: quick });
    const work = heldWork();
    gateway.script.play(work.step);
    const pending = post(gateway, { response_format: 'text' });
    await gateway.until(() => gateway.script.calls.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    work.finish(outcomeOf(twoTickets));
    const response = await pending;
    assert.equal(await response.text(), `${twoTickets.text}\n`);
    assert.equal(response.headers.get('x-flux-billed-seconds'), '10');
  });
});

describe('the receipt', () => {
  const attempt = { kind: 'first', outcome: 'ok', latencyMs: 5, calls: 1, answered: false } as const;

  it('tells a fallback, what was unmet and what stayed unheard, for every format', async (context) => {
    const gateway = await startTestGateway(context);
    gateway.script.play(() =>
      outcomeOf(
        { ...twoTickets, unheard: [{ startMs: 1000, endMs: 2500 }] },
        {
          unmet: ['prompt', 'word-times'],
          attempts: [
            { ...attempt, modelId: 'openai/whisper-1', providerId: 'openai', outcome: 'service_unavailable' },
            { ...attempt, modelId: 'local/moonshine-tiny', providerId: 'local', kind: 'fallback', answered: true },
          ],
        },
      ),
    );
    for (const format of ['json', 'text', 'srt', 'vtt', 'verbose_json', 'diarized_json']) {
      const { headers } = await post(gateway, { response_format: format, 'keywords[]': 'x' });
      assert.equal(headers.get('x-flux-fallback'), 'openai/whisper-1;service_unavailable, local/moonshine-tiny;ok');
      // Nobody told the speakers apart, and only one format shows them.
      const lacking = format === 'diarized_json' ? ', diarize' : '';
      assert.equal(headers.get('x-flux-unmet'), `keywords, prompt${lacking}`, format);
      assert.equal(headers.get('x-flux-unheard-seconds'), '1.5');
    }
    const words = await post(gateway, { response_format: 'verbose_json', 'timestamp_granularities[]': 'word' });
    assert.equal(words.headers.get('x-flux-unmet'), 'prompt, word-times');
    const segments = twoTickets.segments.map((segment) => ({ ...segment, speaker: 'B' }));
    gateway.script.play(() => outcomeOf({ ...twoTickets, segments }));
    const told = await post(gateway, { response_format: 'diarized_json' });
    assert.equal(told.headers.get('x-flux-unmet'), null);
  });
});
