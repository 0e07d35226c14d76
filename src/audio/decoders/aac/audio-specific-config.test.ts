import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../core/errors.ts';
import { parseAudioSpecificConfig } from './audio-specific-config.ts';

/** Fields of [value, bits] as bytes. */
function pack(...fields: readonly (readonly [number, number])[]): Uint8Array {
  const digits = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
  const padded = digits.padEnd(Math.ceil(digits.length / 8) * 8, '0');
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

function brief(bytes: Uint8Array): readonly unknown[] {
  const { objectType, sampleRate, channels, sbr, frameLength } = parseAudioSpecificConfig(bytes);
  return [objectType, sampleRate, channels, sbr, frameLength];
}

function refusal(bytes: Uint8Array): GatewayError {
  try {
    parseAudioSpecificConfig(bytes);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
  assert.fail('the config was taken');
}

describe('parseAudioSpecificConfig', () => {
  it('reads plain LC and Main configs', () => {
    assert.deepEqual(brief(Uint8Array.of(0x12, 0x10)), [2, 44_100, 2, false, 1024]);
    assert.deepEqual(brief(Uint8Array.of(0x14, 0x08)), [2, 16_000, 1, false, 1024]);
    assert.deepEqual(brief(pack([1, 5], [3, 4], [7, 4], [0, 3])), [1, 48_000, 8, false, 1024]);
    assert.deepEqual(brief(pack([2, 5], [4, 4], [1, 4], [1, 1], [0, 2])), [2, 44_100, 1, false, 960]);
  });

  it('reads a sampling rate that has no index, and skips a core coder delay', () => {
    const bytes = pack([2, 5], [15, 4], [37_800, 24], [1, 4], [0, 1], [1, 1], [99, 14], [0, 1]);
    assert.deepEqual(brief(bytes), [2, 37_800, 1, false, 1024]);
  });

  it('gives the rate and channels of the core where SBR or PS is signalled', () => {
    // Explicit hierarchical SBR, then PS, then the backward compatible way.
    assert.deepEqual(brief(pack([5, 5], [7, 4], [2, 4], [4, 4], [2, 5], [0, 3])), [2, 22_050, 2, true, 1024]);
    assert.deepEqual(brief(pack([29, 5], [6, 4], [1, 4], [3, 4], [2, 5], [0, 3])), [2, 24_000, 1, true, 1024]);
    const compatible = pack([2, 5], [7, 4], [2, 4], [0, 3], [0x2b7, 11], [5, 5], [1, 1], [4, 4]);
    assert.deepEqual(brief(compatible), [2, 22_050, 2, true, 1024]);
  });

  it('takes the channels from a program config', () => {
    // Two front elements (a pair and a single one) and a low frequency one.
    const counts = [
      [0, 4],
      [1, 2],
      [4, 4],
      [2, 4],
      [0, 4],
      [0, 4],
      [1, 2],
      [0, 3],
      [0, 4],
      [0, 3],
    ] as const;
    const elements = [
      [1, 1],
      [3, 4],
      [0, 1],
      [5, 4],
      [2, 4],
    ] as const;
    const bytes = pack([2, 5], [4, 4], [0, 4], [0, 3], ...counts, ...elements, [0, 10], [0, 8]);
    const config = parseAudioSpecificConfig(bytes);
    assert.equal(config.channels, 4);
    assert.deepEqual(config.layout, [
      { kind: 'pair', tag: 3 },
      { kind: 'single', tag: 5 },
      { kind: 'low-frequency', tag: 2 },
    ]);
  });

  it('refuses other profiles by name', () => {
    const names: readonly (readonly [number, string])[] = [
      [3, 'AAC SSR'],
      [4, 'AAC LTP'],
      [17, 'ER AAC LC'],
      [23, 'AAC-LD'],
      [39, 'AAC-ELD'],
      [42, 'xHE-AAC (USAC)'],
    ];
    for (const [type, name] of names) {
      const typeFields =
        type < 31
          ? ([[type, 5]] as const)
          : ([
              [31, 5],
              [type - 32, 6],
            ] as const);
      const error = refusal(pack(...typeFields, [4, 4], [2, 4], [0, 19]));
      assert.equal(error.code, 'unsupported_audio');
      assert.ok(error.message.includes(name), error.message);
    }
    assert.ok(refusal(pack([5, 5], [7, 4], [2, 4], [4, 4], [4, 5], [0, 3])).message.includes('AAC LTP'));
    assert.ok(refusal(pack([30, 5], [4, 4], [2, 4], [0, 3])).message.includes('object type 30'));
  });

  it('refuses reserved channel configurations and more than eight channels', () => {
    assert.equal(refusal(pack([2, 5], [4, 4], [9, 4], [0, 3])).code, 'unsupported_audio');
    const pairs = Array.from({ length: 5 }, (_, tag) => [16 + tag, 5] as const);
    const counts = [
      [0, 4],
      [1, 2],
      [4, 4],
      [5, 4],
      [0, 4],
      [0, 4],
      [0, 2],
      [0, 3],
      [0, 4],
      [0, 3],
    ] as const;
    const wide = pack([2, 5], [4, 4], [0, 4], [0, 3], ...counts, ...pairs, [0, 24]);
    assert.ok(refusal(wide).message.includes('10 channels'));
  });

  it('refuses sampling rates that would make hours of a packet', () => {
    const error = refusal(pack([2, 5], [15, 4], [1, 24], [1, 4], [0, 3]));
    assert.equal(error.code, 'unsupported_audio');
    assert.ok(error.message.includes('1 Hz'));
  });

  it('calls bytes that are no config unreadable', () => {
    assert.equal(refusal(new Uint8Array(0)).code, 'audio_unreadable');
    assert.equal(refusal(Uint8Array.of(0x12)).code, 'audio_unreadable');
    assert.equal(refusal(pack([2, 5], [13, 4], [2, 4], [0, 3])).code, 'audio_unreadable');
  });
});
