import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../core/errors.ts';
import { OutboundExchange } from './outbound-exchange.ts';

/** undici's side of one exchange. */
function given(maxBytes = 1_000_000, body: unknown = null) {
  const caller = new AbortController();
  const exchange = new OutboundExchange({ signal: caller.signal, maxBytes, body });
  let isPaused = false;
  const aborts: Error[] = [];
  const controller: Dispatcher.DispatchController = {
    get aborted() {
      return aborts.length > 0;
    },
    get paused() {
      return isPaused;
    },
    get reason() {
      return aborts[0] ?? null;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
    },
    abort(reason) {
      aborts.push(reason);
      exchange.onResponseError(controller, reason);
    },
  };
  return { caller, exchange, controller, aborts };
}

describe('an outbound exchange', () => {
  it('passes over 1xx, and drops the byte order mark of a text', async () => {
    const { exchange, controller } = given();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 103, {});
    exchange.onResponseStart(controller, 200, { 'x-list': ['a', 'b'] });
    exchange.onResponseData(controller, Buffer.from('\uFEFF{"a":'));
    exchange.onResponseData(controller, Buffer.from('1}'));
    exchange.onResponseEnd();
    const reply = await exchange.reply;
    assert.deepEqual([reply.status, reply.header('x-list'), reply.header('gone')], [200, 'a,b', null]);
    assert.equal(await reply.text(), '{"a":1}');
  });

  it('holds the connection up while nobody takes what has come, and lets it go on afterwards', async () => {
    const { exchange, controller } = given();
    exchange.onRequestStart(controller);
    exchange.onResponseStart(controller, 200, {});
    exchange.onResponseData(controller, Buffer.alloc(70_000));
    assert.equal(controller.paused, true);
    const reply = await exchange.reply;
    const reader = reply.chunks()[Symbol.asyncIterator]();
    assert.equal((await reader.next()).value?.length, 70_000);
    assert.equal(controller.paused, false);
    const next = reader.next();
    exchange.onResponseData(controller, Buffer.from('x'));
    exchange.onResponseEnd();
    assert.equal((await next).value?.length, 1);
    assert.equal((await reader.next()).done, true);
  });

  it('fails its reader with what broke it, after what had come, and with the reason of a caller who leaves', async () => {
    const broken = given();
    broken.exchange.onRequestStart(broken.controller);
    broken.exchange.onResponseStart(broken.controller, 200, {});
    broken.exchange.onResponseData(broken.controller, Buffer.from('x'));
    broken.exchange.onResponseError(broken.controller, new Error('reset'));
    const seen: number[] = [];
    const reading = async () => {
      for await (const chunk of (await broken.exchange.reply).chunks()) seen.push(chunk.length);
    };
    await assert.rejects(reading, (error) => error instanceof GatewayError && error.code === 'bad_gateway');
    assert.deepEqual(seen, [1]);

    const left = given();
    left.exchange.onRequestStart(left.controller);
    left.exchange.onResponseStart(left.controller, 200, {});
    const text = (await left.exchange.reply).text();
    left.caller.abort(new GatewayError('client_closed_request', 'gone'));
    await assert.rejects(text, (error) => error instanceof GatewayError && error.code === 'client_closed_request');
    assert.equal(left.aborts.length, 1);
  });

  it('is given up where it still waits for a connection, with the stream that it was to send', async () => {
    const body = Readable.from(['a']);
    const { caller, exchange, controller, aborts } = given(10, body);
    caller.abort(new Error('left'));
    await assert.rejects(exchange.reply, /left/);
    assert.equal(body.destroyed, true);
    exchange.onRequestStart(controller);
    assert.equal(aborts.length, 1);
  });

  it('cuts the connection of a reply that nobody wants, or that has more than was allowed', async () => {
    for (const [maxBytes, sizeBytes] of [
      [100, 10],
      [5, 10],
    ] as const) {
      const { exchange, controller, aborts } = given(maxBytes);
      exchange.onRequestStart(controller);
      exchange.onResponseStart(controller, 200, {});
      exchange.onResponseData(controller, Buffer.alloc(sizeBytes));
      (await exchange.reply).discard();
      assert.equal(aborts.length, 1);
    }
  });
});
