import type { OfflineRecognizer } from 'sherpa-onnx-node';
import { FEATURE_VALUES, type NemoFolder } from './check-model.ts';
import type { SherpaLibrary } from './load-sherpa.ts';
import { type HeardPiece, readAnswer, SAMPLE_RATE, type SherpaDecoder } from './sherpa-decoder.ts';

/** A transducer of NVIDIA's NeMo (Parakeet) in sherpa-onnx: its tokens come with durations and log-probabilities. */
export class NemoDecoder implements SherpaDecoder {
  readonly #recogniser: OfflineRecognizer;

  private constructor(recogniser: OfflineRecognizer) {
    this.#recogniser = recogniser;
  }

  static async open(sherpa: SherpaLibrary, { files }: NemoFolder, threads: number): Promise<NemoDecoder> {
    const { encoder, decoder, joiner, tokens } = files;
    return new NemoDecoder(
      await sherpa.OfflineRecognizer.createAsync({
        // What the model wants instead, its metadata says.
        featConfig: { sampleRate: SAMPLE_RATE, featureDim: FEATURE_VALUES },
        modelConfig: {
          transducer: { encoder, decoder, joiner },
          modelType: 'nemo_transducer',
          tokens,
          numThreads: threads,
          provider: 'cpu',
          debug: 0,
        },
        decodingMethod: 'greedy_search',
      }),
    );
  }

  /** The language is the model's own business: it cannot be told. */
  decode(samples: Float32Array): Promise<HeardPiece> {
    const stream = this.#recogniser.createStream();
    stream.acceptWaveform({ samples, sampleRate: SAMPLE_RATE });
    return readAnswer(() => this.#recogniser.decodeAsync(stream));
  }
}
