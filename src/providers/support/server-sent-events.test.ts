import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../core/errors.ts';
import { readServerSentEvents, type ServerSentEvent } from './server-sent-events.ts';

async function* chunksOf(bytes: Uint8Array, ends: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const end of [...ends].sort((left, right) => left - right)) {
    yield bytes.subarray(from, end);
    from = end;
  }
  yield bytes.subarray(from);
}

async function read(text: string, ends: readonly number[] = [], maxLength?: number): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  for await (const event of readServerSentEvents(chunksOf(Buffer.from(text), ends), maxLength)) events.push(event);
  return events;
}

describe('readServerSentEvents', () => {
  it('reads data, names, comments and several lines of data', async () => {
    assert.deepEqual(await read(': ping\n\nevent: done\ndata: a\ndata:b\nid: 7\n\ndata\n\n'), [
      { event: 'done', data: 'a\nb' },
      { event: 'message', data: '' },
    ]);
  });

  it('counts a last event without its empty line', async () => {
    assert.deepEqual(await read('data: [DONE]'), [{ event: 'message', data: '[DONE]' }]);
  });

  it('reads the same however lines end and wherever the bytes are cut', async () => {
    const lines = ['event: a', 'data: größe 你好 😀', '', 'data: two', 'data: three', '', ''];
    const expected = [
      { event: 'a', data: 'größe 你好 😀' },
      { event: 'message', data: 'two\nthree' },
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat({ max: 90 }), { maxLength: 20 }),
        async (lineEnd, cuts) => {
          const text = lines.join(lineEnd);
          const size = Buffer.byteLength(text);
          assert.deepEqual(
            await read(
              text,
              cuts.map((cut) => Math.min(cut, size)),
            ),
            expected,
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses a line and an event that never end', async () => {
    const tooLong = (error: unknown) => error instanceof GatewayError && error.code === 'bad_gateway';
    await assert.rejects(read('data: '.padEnd(200, 'x'), [50, 100, 150], 90), tooLong);
    await assert.rejects(read('data: 0123456789\n'.repeat(20), [], 90), tooLong);
  });
});
