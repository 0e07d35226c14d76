import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fixtureBytes, fixturePath, madeRecordings } from '../../test/helpers/audio-files.ts';
import { GatewayError } from '../core/errors.ts';
import { FileByteSource } from './byte-source.ts';
import { probeInProcess } from './probe-in-process.ts';
import { readRecording } from './recording.ts';

const maxDurationMs = 3_600_000;

function inMemory(bytes: Uint8Array, pieceBytes: number) {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return { path: null, sizeBytes: bytes.length, pieces };
}

describe('a probe without a process', () => {
  for (const { file } of madeRecordings) {
    it(`finds of ${file} what a decoding process finds, or leaves it to one`, () => {
      using source = new FileByteSource(fixturePath(file));
      const expected = readRecording(source, { maxDurationMs, maxCpuMs: 15_000 });
      const found = probeInProcess(inMemory(fixtureBytes(file), 1460), maxDurationMs);
      // On a busy machine any walk may run out of its few milliseconds.
      if (found) assert.deepEqual(found, expected);
    });
  }

  it('leaves what lies on disk to a process', () => {
    assert.equal(probeInProcess({ path: fixturePath('made-flac.flac'), sizeBytes: 1 }, maxDurationMs), null);
  });

  it('ends soon with files that are made to take long: with an error of the table, or for a process to go on', () => {
    const hostile = [
      new Uint8Array(4_000_000).fill(0xff),
      // Heads of MPEG frames without end, each of which has to be followed to be refuted.
      Uint8Array.from({ length: 4_000_000 }, (_, index) => [0xff, 0xfb, 0x90, 0x00][index & 3]!),
      Uint8Array.from({ length: 4_000_000 }, (_, index) => [0xff, 0xf8, 0xc9, 0x18][index & 3]!),
      Uint8Array.from({ length: 4_000_000 }, (_, index) => 'OggS'.charCodeAt(index & 3)),
    ];
    for (const bytes of hostile) {
      try {
        const found = probeInProcess(inMemory(bytes, 65_536), maxDurationMs);
        assert.ok(found === null || found.probe.durationMs > 0);
      } catch (thrown) {
        assert.ok(thrown instanceof GatewayError);
      }
    }
  });

  it('never throws anything but errors of the table, however the bytes are damaged', () => {
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (const { file } of madeRecordings) {
      for (let round = 0; round < 20; round++) {
        const bytes = fixtureBytes(file);
        for (let count = 0; count < 8; count++) bytes[random(bytes.length)] = random(256);
        const cut = bytes.subarray(0, round % 2 ? bytes.length : random(bytes.length) + 1);
        try {
          probeInProcess(inMemory(cut, 999), maxDurationMs);
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError, `${file}: ${thrown}`);
        }
      }
    }
  });
});
