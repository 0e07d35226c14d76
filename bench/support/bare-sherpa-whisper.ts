import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A word with the times that sherpa-onnx gives its tokens. */
export interface SherpaWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** The part of `sherpa-onnx-node` that is used here. */
interface SherpaRecogniser {
  createStream(): { acceptWaveform(wave: { sampleRate: number; samples: Float32Array }): void };
  decode(stream: unknown): void;
  /** Times in seconds, one for each token. */
  getResult(stream: unknown): { tokens: string[]; timestamps: number[]; durations: number[] };
}

/**
 * Whisper in sherpa-onnx by itself, one thread, English: its own text with word times made of its token times. Both
 * timestamp options have to be the number 1 or 0; `true` is ignored without a word.
 */
export function openBareSherpaWhisper(modelFolder: string): (pcm: Float32Array) => SherpaWord[] {
  const file = (end: string) => {
    const name = readdirSync(modelFolder).find((one) => one.endsWith(end));
    if (name === undefined) throw new Error(`no ${end} in the model's folder`);
    return join(modelFolder, name);
  };
  const sherpa = createRequire(import.meta.url)('sherpa-onnx-node') as {
    OfflineRecognizer: new (config: object) => SherpaRecogniser;
  };
  const recogniser = new sherpa.OfflineRecognizer({
    featConfig: { sampleRate: 16_000, featureDim: 80 },
    modelConfig: {
      whisper: {
        encoder: file('encoder.int8.onnx'),
        decoder: file('decoder.int8.onnx'),
        language: 'en',
        task: 'transcribe',
        tailPaddings: -1,
        enableTokenTimestamps: 1,
        enableSegmentTimestamps: 0,
      },
      tokens: file('tokens.txt'),
      numThreads: 1,
      provider: 'cpu',
    },
    decodingMethod: 'greedy_search',
  });
  return (pcm) => {
    const stream = recogniser.createStream();
    stream.acceptWaveform({ sampleRate: 16_000, samples: pcm });
    recogniser.decode(stream);
    const { tokens, timestamps, durations } = recogniser.getResult(stream);
    const words: { text: string; startMs: number; endMs: number }[] = [];
    tokens.forEach((token, index) => {
      const startMs = 1000 * (timestamps[index] ?? 0);
      const endMs = startMs + 1000 * (durations[index] ?? 0);
      const last = words.at(-1);
      if (!last || token.startsWith(' ')) words.push({ text: token.trim(), startMs, endMs });
      // Punctuation takes the pause behind the word: it would make the word's end worse than it is.
      else if (/[\p{L}\p{N}]/u.test(token))
        words[words.length - 1] = { text: last.text + token, startMs: last.startMs, endMs };
    });
    return words;
  };
}
