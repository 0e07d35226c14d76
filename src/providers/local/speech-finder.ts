import type { Audio, SpeechFinder, SpeechSpan } from '../../audio/audio.ts';
import { toGatewayError } from '../../core/errors.ts';
import type { Engine } from '../../engine/engine.ts';

/**
 * Finds speech with the voice detector that every process of the embedded engine holds. What was found in a recording is
 * remembered as long as the recording is: cutting, judging and completing ask one after the other.
 */
export function createSpeechFinder(engine: Pick<Engine, 'detectSpeech'>): SpeechFinder {
  const known = new WeakMap<Audio, readonly SpeechSpan[]>();
  return {
    async find(audio, signal) {
      const found = known.get(audio);
      if (found) return found;
      try {
        const spans = await engine.detectSpeech({ pcm: audio.pcm(signal), signal });
        known.set(audio, spans);
        return spans;
      } catch (thrown) {
        throw toGatewayError(thrown);
      }
    },
  };
}
