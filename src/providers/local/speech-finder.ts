import type { SpeechFinder } from '../../audio/audio.ts';
import { toGatewayError } from '../../core/errors.ts';
import type { Engine } from '../../engine/engine.ts';

/** Finds speech with the voice detector that every process of the embedded engine holds. */
export function createSpeechFinder(engine: Pick<Engine, 'detectSpeech'>): SpeechFinder {
  return {
    async find(audio, signal) {
      try {
        return await engine.detectSpeech({ pcm: audio.pcm(signal), signal });
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
  };
}
