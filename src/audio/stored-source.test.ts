import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PiecesByteSource, toSendable } from './stored-source.ts';

describe('bytes in pieces', () => {
  it('read as the same bytes in one piece would, wherever the pieces end', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 });
    const reads = fc.array(fc.tuple(fc.integer({ min: -3, max: 200 }), fc.integer({ min: -3, max: 60 })), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(pieces, reads, (parts, wanted) => {
        const whole = Buffer.concat(parts);
        const source = new PiecesByteSource(parts);
        assert.equal(source.sizeBytes, whole.length);
        for (const [offset, length] of wanted) {
          const expected = offset < 0 || length <= 0 ? Buffer.alloc(0) : whole.subarray(offset, offset + length);
          assert.ok(expected.equals(source.read(offset, length)), `${length} bytes from ${offset}`);
        }
      }),
    );
  });

  it('lend what lies in one piece and copy nothing', () => {
    const piece = new Uint8Array(100);
    assert.equal(new PiecesByteSource([new Uint8Array(3), piece]).read(10, 50).buffer, piece.buffer);
  });
});

describe('a stored recording', () => {
  it('is told to a decoding process without what only its owner can do', () => {
    const dispose = () => {};
    const onDisk = { path: '/x', sizeBytes: 1, dispose };
    const pieces = [new Uint8Array(1)];
    const inMemory = { path: null, sizeBytes: 1, pieces, dispose };
    assert.deepEqual(toSendable(onDisk), { path: '/x', sizeBytes: 1 });
    assert.deepEqual(toSendable(inMemory), { path: null, sizeBytes: 1, pieces });
  });
});
