import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio } from '../audio/audio.ts';
import { knownLengths } from './known-lengths.ts';
import { measuredAudio } from './measured-audio.ts';

describe('known lengths', () => {
  it('agree where vendors round and codecs have their delay', () => {
    for (const [decodedMs, vendorMs] of [
      [null, null],
      [10_026, 11_000],
      [9_990, 9_000],
    ] as const) {
      assert.equal(knownLengths(10_000, decodedMs, vendorMs).disagree, false);
    }
    assert.equal(knownLengths(3_600_000, 3_600_000, 3_550_000).disagree, false);
  });

  it('disagree where one of them is far off, and leave out what is no length', () => {
    assert.equal(knownLengths(10_000, 5_000, null).disagree, true);
    assert.equal(knownLengths(10_000, null, 12_000).disagree, true);
    for (const nonsense of [2 ** 63, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const { vendorMs, disagree } = knownLengths(10_000, 10_000, nonsense);
      assert.deepEqual([vendorMs, disagree], [null, true]);
    }
  });
});

describe('measured audio', () => {
  const probe = {
    container: 'wav',
    codec: 'pcm',
    sampleRate: 16_000,
    channels: 1,
    durationMs: 2_000,
    headerDurationMs: null,
    canonicalFileName: 'audio.wav',
    mediaType: 'audio/wav',
  } as const;
  const audio: Audio = {
    stored: { path: null, sizeBytes: 0, pieces: [] },
    probe,
    async *pcm() {
      yield new Float32Array(16_000);
      yield new Float32Array(8_000);
    },
  };

  it('knows the decoded length once all of it was heard, and not before', async () => {
    const measured = measuredAudio(audio);
    const { signal } = new AbortController();
    for await (const chunk of measured.pcm(signal)) if (chunk.length > 0) break;
    assert.equal(measured.decodedMs(), null);
    let samples = 0;
    for await (const chunk of measured.pcm(signal)) samples += chunk.length;
    assert.deepEqual([samples, measured.decodedMs()], [24_000, 1_500]);
  });
});
