import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Audio } from '../../audio/audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { createSpeechFinder } from './speech-finder.ts';

const signal = new AbortController().signal;

function recording(): Audio {
  return {
    stored: { path: '/nowhere', sizeBytes: 1 },
    probe: {
      container: 'wav',
      codec: 'pcm',
      sampleRate: 16_000,
      channels: 1,
      durationMs: 5_000,
      headerDurationMs: null,
      canonicalFileName: 'audio.wav',
      mediaType: 'audio/wav',
    },
    async *pcm() {},
  };
}

describe('the speech finder', () => {
  it('searches a recording once, however often it is asked, and each recording by itself', async () => {
    let searches = 0;
    const finder = createSpeechFinder({ detectSpeech: async () => [{ startMs: searches++, endMs: 900 }] });
    const [first, second] = [recording(), recording()];
    assert.deepEqual(await finder.find(first, signal), [{ startMs: 0, endMs: 900 }]);
    assert.deepEqual(await finder.find(first, signal), [{ startMs: 0, endMs: 900 }]);
    assert.deepEqual(await finder.find(second, signal), [{ startMs: 1, endMs: 900 }]);
  });

  it('remembers no failure, and fails in our words', async () => {
    let fails = true;
    const finder = createSpeechFinder({
      async detectSpeech() {
        if (fails) throw new Error('the process is gone');
        return [];
      },
    });
    const audio = recording();
    await assert.rejects(finder.find(audio, signal), GatewayError);
    fails = false;
    assert.deepEqual(await finder.find(audio, signal), []);
  });
});
