import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Audio, PCM_RATE, type SpeechFinder } from '../../audio/audio.ts';
import { GatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { SpeechAhead } from './speech-ahead.ts';

const unaborted = new AbortController().signal;

/** Silence but for a loud second at every full minute. */
function recordingOf(seconds: number) {
  const decoded = { seconds: 0, isClosed: false };
  const audio: Audio = {
    stored: { path: '', sizeBytes: 0 },
    probe: {
      container: 'wav',
      codec: 'pcm',
      sampleRate: PCM_RATE,
      channels: 1,
      durationMs: seconds * 1000,
      headerDurationMs: null,
      canonicalFileName: 'audio.wav',
      mediaType: 'audio/wav',
    },
    async *pcm() {
      try {
        for (; decoded.seconds < seconds; decoded.seconds++) {
          yield new Float32Array(PCM_RATE).fill(decoded.seconds % 60 === 0 ? 0.5 : 0);
        }
      } finally {
        decoded.isClosed = true;
      }
    },
  };
  return { audio, decoded };
}

/** Every loud second is speech. */
const loudIsSpeech: SpeechFinder = {
  async find(audio, signal) {
    const spans = [];
    let atMs = 0;
    for await (const chunk of audio.pcm(signal)) {
      if (chunk[0] === 0.5) spans.push({ startMs: atMs, endMs: atMs + 1000 });
      atMs += chunk.length / 16;
    }
    return spans;
  },
};

describe('SpeechAhead', () => {
  it('looks no further than it is asked to, and takes what it has not seen for speech', async () => {
    const { audio, decoded } = recordingOf(600);
    const ahead = new SpeechAhead(loudIsSpeech, audio, unaborted, silentLog);
    assert.deepEqual(ahead.spans, [{ startMs: 0, endMs: 600_000 }]);
    await ahead.goOn();
    assert.equal(ahead.knownMs, 120_000);
    assert.ok(decoded.seconds <= 121);
    assert.deepEqual(ahead.spans, [
      { startMs: 0, endMs: 1000 },
      { startMs: 60_000, endMs: 61_000 },
      { startMs: 120_000, endMs: 600_000 },
    ]);
    await ahead.close();
    assert.ok(decoded.isClosed);
  });

  it('knows in the end what a look at the whole would have shown', async () => {
    const { audio } = recordingOf(310);
    const ahead = new SpeechAhead(loudIsSpeech, audio, unaborted, silentLog);
    while (ahead.knownMs < 310_000) await ahead.goOn();
    assert.deepEqual(
      ahead.spans,
      [0, 60, 120, 180, 240, 300].map((second) => ({ startMs: second * 1000, endMs: second * 1000 + 1000 })),
    );
  });

  it('takes all that is left for speech when the detector fails', async () => {
    const { audio } = recordingOf(600);
    let looks = 0;
    const failing: SpeechFinder = {
      find(stretch, signal) {
        if (looks++ > 0) return Promise.reject(new GatewayError('engine_crashed', 'The engine process died.'));
        return loudIsSpeech.find(stretch, signal);
      },
    };
    const ahead = new SpeechAhead(failing, audio, unaborted, silentLog);
    await ahead.goOn();
    await ahead.goOn();
    assert.equal(ahead.knownMs, 600_000);
    assert.deepEqual(ahead.spans.at(-1), { startMs: 120_000, endMs: 600_000 });
  });

  it('passes on that the recording cannot be read', async () => {
    const { audio } = recordingOf(600);
    const broken: Audio = {
      ...audio,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to give
      async *pcm() {
        throw new GatewayError('audio_unreadable', 'Nothing in the file could be decoded.');
      },
    };
    const ahead = new SpeechAhead(loudIsSpeech, broken, unaborted, silentLog);
    await assert.rejects(ahead.goOn(), { code: 'audio_unreadable' });
  });
});
