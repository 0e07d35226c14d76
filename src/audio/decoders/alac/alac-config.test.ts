import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../core/errors.ts';
import { parseAlacConfig } from './alac-config.ts';

/** A cookie of 16-bit stereo at 44.1 kHz, with changes by byte offset. */
function cookie(changes: Readonly<Record<number, number>> = {}): Uint8Array {
  const bytes = new Uint8Array(24);
  bytes.set([0, 0, 0x10, 0, 0, 16, 40, 10, 14, 2, 0, 255]);
  bytes.set([0, 0, 0xac, 0x44], 20);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

function refusal(bytes: Uint8Array): string {
  try {
    parseAlacConfig(bytes);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error.code;
  }
  assert.fail('the cookie was taken');
}

describe('parseAlacConfig', () => {
  it('reads a bare cookie, and one behind old box heads', () => {
    const expected = {
      frameLength: 4096,
      bitDepth: 16,
      historyMultiplier: 40,
      initialHistory: 10,
      maxRiceBits: 14,
      channels: 2,
      sampleRate: 44_100,
    };
    assert.deepEqual(parseAlacConfig(cookie()), expected);
    const head = (size: number, name: string, last: string) =>
      Buffer.concat([Buffer.from([0, 0, 0, size]), Buffer.from(name + last, 'latin1')]);
    const old = Buffer.concat([head(12, 'frma', 'alac'), head(36, 'alac', '\0\0\0\0'), cookie()]);
    assert.deepEqual(parseAlacConfig(old), expected);
  });

  it('calls a cut or damaged cookie unreadable', () => {
    assert.equal(refusal(new Uint8Array(0)), 'audio_unreadable');
    assert.equal(refusal(cookie().subarray(0, 23)), 'audio_unreadable');
    assert.equal(refusal(cookie({ 2: 0 })), 'audio_unreadable');
    assert.equal(refusal(cookie({ 0: 1 })), 'audio_unreadable');
    assert.equal(refusal(cookie({ 8: 0 })), 'audio_unreadable');
    assert.equal(refusal(cookie({ 8: 40 })), 'audio_unreadable');
  });

  it('refuses versions, depths, channel counts and rates that nobody uses', () => {
    assert.equal(refusal(cookie({ 4: 1 })), 'unsupported_audio');
    assert.equal(refusal(cookie({ 5: 17 })), 'unsupported_audio');
    assert.equal(refusal(cookie({ 9: 0 })), 'unsupported_audio');
    assert.equal(refusal(cookie({ 9: 9 })), 'unsupported_audio');
    assert.equal(refusal(cookie({ 22: 0, 23: 1 })), 'unsupported_audio');
  });
});
