import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../core/errors.ts';
import { parseAdtsFrame } from './adts.ts';
import { AacPacketError } from './packet-error.ts';

const file = readFileSync(new URL('../../../../test/fixtures/audio/made-tones-44k-stereo.aac', import.meta.url));

/** The first frame's header with one byte changed. */
function changed(at: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(file);
  bytes[at] = value;
  return bytes;
}

describe('parseAdtsFrame', () => {
  it('opens one frame after another to the end of the file', () => {
    let at = 0;
    let count = 0;
    while (at < file.length) {
      const frame = parseAdtsFrame(file.subarray(at));
      assert.equal(frame.payload.length, frame.sizeBytes - 7);
      assert.equal(frame.config.sampleRate, 44_100);
      assert.equal(frame.config.channels, 2);
      at += frame.sizeBytes;
      count += 1;
    }
    assert.equal(at, file.length);
    assert.ok(count > 30);
  });

  it('leaves a checksum out of the payload', () => {
    const frame = parseAdtsFrame(changed(1, file[1]! & 0xfe));
    assert.equal(frame.payload.length, frame.sizeBytes - 9);
  });

  it('says zero channels where the packets have to say them', () => {
    const bytes = changed(3, file[3]! & 0x3f);
    assert.equal(parseAdtsFrame(bytes).config.channels, 0);
    assert.equal(parseAdtsFrame(bytes).config.layout, undefined);
  });

  it('refuses what is cut, is something else, or holds several packets', () => {
    assert.throws(() => parseAdtsFrame(file.subarray(0, 5)), AacPacketError);
    assert.throws(() => parseAdtsFrame(file.subarray(0, 20)), AacPacketError);
    assert.throws(() => parseAdtsFrame(file.subarray(1)), AacPacketError);
    assert.throws(() => parseAdtsFrame(changed(1, 0xf3)), AacPacketError);
    assert.throws(() => parseAdtsFrame(changed(6, file[6]! | 3)), AacPacketError);
    assert.throws(() => parseAdtsFrame(changed(2, 0b01_1111_00)), AacPacketError);
  });

  it('refuses the SSR profile by name', () => {
    const bytes = changed(2, (file[2]! & 0x3f) | 0x80);
    assert.throws(
      () => parseAdtsFrame(bytes),
      (error) => error instanceof GatewayError && error.message.includes('SSR'),
    );
  });
});
