import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BitReader } from './bit-reader.ts';
import { AacPacketError } from './packet-error.ts';

describe('BitReader', () => {
  it('reads fields across bytes, the most significant bit first', () => {
    const reader = new BitReader(Uint8Array.of(0b1010_0101, 0b1100_0011, 0xff, 0x01, 0x80));
    assert.equal(reader.read(3), 0b101);
    assert.equal(reader.read(7), 0b0010111);
    assert.equal(reader.peek(24), 0b000011_11111111_00000001_10);
    assert.equal(reader.read(24), 0b000011_11111111_00000001_10);
    assert.equal(reader.remaining, 6);
  });

  it('goes on to the next whole byte, and stays where one begins', () => {
    const reader = new BitReader(Uint8Array.of(0, 7, 9));
    reader.alignToByte();
    reader.skip(1);
    reader.alignToByte();
    assert.equal(reader.read(8), 7);
    assert.equal(reader.read(8), 9);
  });

  it('throws past the last bit and does not move', () => {
    const reader = new BitReader(Uint8Array.of(0xff));
    reader.skip(5);
    assert.throws(() => reader.read(4), AacPacketError);
    assert.equal(reader.read(3), 7);
    assert.throws(() => reader.read(1), AacPacketError);
    assert.throws(() => new BitReader(new Uint8Array(0)).readFlag(), AacPacketError);
  });
});
