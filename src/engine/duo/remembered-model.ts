import type { SpeechModel } from '../speech-model.ts';

/**
 * The same model, which encodes each sound once however often it is asked: first to write it down, then to judge another
 * model's words, then to find their times. What it remembers goes with the sound itself.
 */
export function remembered<Encoded>(model: SpeechModel<Encoded>): SpeechModel<Encoded> {
  const windows = new WeakMap<Float32Array, Promise<Encoded>>();
  return {
    tokenizer: model.tokenizer,
    frameSamples: model.frameSamples,
    maxSamples: model.maxSamples,
    languages: model.languages,
    tasks: model.tasks,
    encode(pcm) {
      const known = windows.get(pcm);
      if (known) return known;
      const made = model.encode(pcm);
      windows.set(pcm, made);
      made.catch(() => windows.delete(pcm));
      return made;
    },
    identify: (window) => model.identify(window),
    greedy: (window, ask, shouldStop) => model.greedy(window, ask, shouldStop),
    forced: (window, ask, ids) => model.forced(window, ask, ids),
    scores: (window, ask, texts) => model.scores(window, ask, texts),
  };
}
