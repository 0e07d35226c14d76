import { setImmediate } from 'node:timers/promises';
import type { OnlineRecognizer } from 'sherpa-onnx-node';
import { FEATURE_VALUES, type ZipformerFolder } from './check-model.ts';
import type { SherpaLibrary } from './load-sherpa.ts';
import { type HeardPiece, readAnswer, SAMPLE_RATE, type SherpaDecoder } from './sherpa-decoder.ts';

const FRAME_SAMPLES = SAMPLE_RATE / 100;
/** Sound that is handed over at once: the event loop is held for one or two chunks of the model. */
const STEP_SAMPLES = 64 * FRAME_SAMPLES;
/** Silence after the sound: what the model is late by, as sherpa-onnx's own examples have it. */
const LATENESS_SAMPLES = 0.66 * SAMPLE_RATE;

/** A streaming Zipformer in sherpa-onnx. Its tokens come with log-probabilities; their times are when it wrote them. */
export class ZipformerDecoder implements SherpaDecoder {
  readonly #recogniser: OnlineRecognizer;
  readonly #tailSamples: number;

  private constructor(recogniser: OnlineRecognizer, tailSamples: number) {
    this.#recogniser = recogniser;
    this.#tailSamples = tailSamples;
  }

  static open(sherpa: SherpaLibrary, folder: ZipformerFolder, threads: number): ZipformerDecoder {
    const { encoder, decoder, joiner, tokens } = folder.files;
    const recogniser = new sherpa.OnlineRecognizer({
      featConfig: { sampleRate: SAMPLE_RATE, featureDim: FEATURE_VALUES },
      modelConfig: {
        transducer: { encoder, decoder, joiner },
        modelType: folder.modelType,
        tokens,
        numThreads: threads,
        provider: 'cpu',
        debug: 0,
      },
      decodingMethod: 'greedy_search',
      enableEndpoint: 0,
    });
    // A chunk is decoded once more frames than it has are there: silence that fills one brings out the last sound.
    return new ZipformerDecoder(recogniser, LATENESS_SAMPLES + (folder.chunkFrames + 1) * FRAME_SAMPLES);
  }

  /** The language is the model's own business: it cannot be told. */
  async decode(samples: Float32Array, _language: string | null, shouldStop: () => boolean): Promise<HeardPiece> {
    const stream = this.#recogniser.createStream();
    const listen = () => {
      while (this.#recogniser.isReady(stream)) this.#recogniser.decode(stream);
    };
    for (let at = 0; at < samples.length; at += STEP_SAMPLES) {
      stream.acceptWaveform({ samples: samples.slice(at, at + STEP_SAMPLES), sampleRate: SAMPLE_RATE });
      listen();
      // Word that nobody wants the rest comes over the event loop.
      await setImmediate();
      if (shouldStop()) return readAnswer(() => this.#recogniser.getResult(stream));
    }
    stream.acceptWaveform({ samples: new Float32Array(this.#tailSamples), sampleRate: SAMPLE_RATE });
    stream.inputFinished();
    listen();
    return readAnswer(() => this.#recogniser.getResult(stream));
  }
}
