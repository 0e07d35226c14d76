import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { boundary, multipartBody, multipartType } from '../../../test/helpers/multipart.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { defaultHttpLimits } from '../http-limits.ts';
import { receiveForm } from './receive-form.ts';
import { openSpool } from './spool.ts';

const limits = {
  ...defaultHttpLimits,
  maxUploadBytes: 20_000,
  maxFormOverheadBytes: 8_000,
  maxFieldBytes: 500,
  maxFields: 8,
};

/** An intake behind a real socket; every form ends as `received` or as an error code. */
async function startIntake(context: TestContext) {
  const tempDir = await mkdtemp(join(tmpdir(), 'fluxscribe-intake-'));
  const spool = await openSpool({
    tempDir,
    memoryUploadBytes: 0,
    memoryTotalBytes: 0,
    thresholdBytes: 1024,
    minFreeDiskBytes: 0,
    log: silentLog,
  });
  const server = createServer((request, response) => {
    receiveForm(request, spool, limits)
      .then(async (form) => {
        await form.file?.dispose();
        return 'received';
      })
      .catch((thrown: unknown) => (thrown instanceof GatewayError ? thrown.code : `not ours: ${thrown}`))
      .then((outcome) => response.end(outcome));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(tempDir, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  return {
    /** Sends a body in pieces of the given sizes and gives the outcome. */
    async send(body: Buffer, pieces: readonly number[] = [], type = multipartType): Promise<string> {
      const head = `POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`;
      const socket = connect(port, '127.0.0.1');
      socket.setNoDelay(true);
      socket.write(head);
      let offset = 0;
      for (const size of pieces) {
        socket.write(body.subarray(offset, offset + size));
        offset += size;
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.write(body.subarray(offset));
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      return answer.slice(answer.indexOf('\r\n\r\n') + 4);
    },
    async leftOver(): Promise<string[]> {
      const entries = await readdir(tempDir, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
  };
}

const wellFormed = multipartBody([
  { name: 'model', value: 'flux-voice' },
  { name: 'file', value: Buffer.alloc(5000, 'RIFF\r\n--'), fileName: 'a.wav', type: 'audio/wav' },
  { name: 'language', value: 'en' },
]);

describe('receiving a form', () => {
  it('takes a form that arrives in pieces of any size', async (context) => {
    const intake = await startIntake(context);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }), async (pieces) => {
        assert.match(await intake.send(wellFormed, pieces), /received/);
      }),
      { numRuns: 30 },
    );
  });

  it('ends every damaged form with an error of the caller, and leaves no file', async (context) => {
    const intake = await startIntake(context);
    const damaged = fc
      .tuple(
        fc.constantFrom('cut', 'flip', 'insert', 'delete', 'double', 'boundary'),
        fc.nat(wellFormed.length - 1),
        fc.integer({ min: 1, max: 400 }),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
      )
      .map(([kind, at, length, bytes]) => damage(kind, at, length, Buffer.from(bytes)));
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(damaged, fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 3 }), async (body, pieces) => {
        const outcome = await intake.send(body, pieces);
        outcomes.add(outcome);
        assert.match(outcome, /^(received|invalid_multipart|invalid_value)$/);
      }),
      { numRuns: 400 },
    );
    assert.ok(outcomes.has('invalid_multipart'));
    assert.deepEqual(await intake.leftOver(), []);
  });

  it('survives bodies and boundaries of pure noise', async (context) => {
    const intake = await startIntake(context);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.string({ maxLength: 80 }), async (noise, name) => {
        const type = `multipart/form-data; boundary=${name.replaceAll(/[^\x20-\x7e]/g, '')}`;
        for (const contentType of [multipartType, type]) {
          assert.match(await intake.send(Buffer.from(noise), [], contentType), /^(received|invalid_multipart)$/);
        }
      }),
      { numRuns: 150 },
    );
    assert.deepEqual(await intake.leftOver(), []);
  });

  it('counts everything: a file above its ceiling, other files and fields above theirs', async (context) => {
    const intake = await startIntake(context);
    const file = (size: number, name = 'file') => ({ name, value: Buffer.alloc(size), fileName: 'a' });
    assert.equal(await intake.send(multipartBody([file(20_000)])), 'received');
    assert.equal(await intake.send(multipartBody([file(20_001)])), 'payload_too_large');
    assert.equal(await intake.send(multipartBody([file(30_000, 'cover'), file(10)])), 'payload_too_large');
    assert.equal(await intake.send(multipartBody([{ name: 'prompt', value: 'x'.repeat(501) }])), 'invalid_value');
    assert.deepEqual(await intake.leftOver(), []);
  });
});

function damage(kind: string, at: number, length: number, bytes: Buffer): Buffer {
  const before = wellFormed.subarray(0, at);
  switch (kind) {
    case 'cut':
      return Buffer.from(before);
    case 'flip': {
      const copy = Buffer.from(wellFormed);
      for (let index = at; index < Math.min(copy.length, at + length); index++) copy[index] = copy[index]! ^ bytes[0]!;
      return copy;
    }
    case 'insert':
      return Buffer.concat([before, bytes, wellFormed.subarray(at)]);
    case 'delete':
      return Buffer.concat([before, wellFormed.subarray(at + length)]);
    case 'double':
      return Buffer.concat([before, wellFormed]);
    default:
      return Buffer.concat([before, Buffer.from(`\r\n--${boundary}\r\n`), wellFormed.subarray(at)]);
  }
}
