import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import type { OfflineRecognizer } from 'sherpa-onnx-node';
import { FLOAT, node, tensorInfo } from '../onnx/graph-edit.ts';
import { FEATURE_VALUES, type SenseVoiceFolder } from './check-model.ts';
import type { SherpaLibrary } from './load-sherpa.ts';
import { type HeardPiece, readAnswer, SAMPLE_RATE, type SherpaDecoder } from './sherpa-decoder.ts';

/** How sherpa-onnx is told to find the language out. */
const FIND_OUT = '';

/**
 * SenseVoice in sherpa-onnx, with its own punctuation and numbers in digits.
 *
 * The language belongs to the recogniser's settings, not to a piece of sound, and one recogniser for each language would
 * hold the model many times. `setConfig` changes the language in place, but resets how sound features are computed for
 * every stream made afterwards (seen in 1.13.8: SenseVoice then hears noise). A stream keeps the features that it was made
 * with and goes with any recogniser; so from the first change on, streams come from a second recogniser around an empty
 * model with the same metadata, whose settings nobody changes.
 */
export class SenseVoiceDecoder implements SherpaDecoder {
  readonly #sherpa: SherpaLibrary;
  readonly #folder: SenseVoiceFolder;
  readonly #threads: number;
  readonly #recogniser: OfflineRecognizer;
  #streams: OfflineRecognizer;
  #language = FIND_OUT;
  /** The settings must hold until a piece is decoded: one piece at a time. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(sherpa: SherpaLibrary, folder: SenseVoiceFolder, threads: number, recogniser: OfflineRecognizer) {
    this.#sherpa = sherpa;
    this.#folder = folder;
    this.#threads = threads;
    this.#recogniser = recogniser;
    this.#streams = recogniser;
  }

  static async open(sherpa: SherpaLibrary, folder: SenseVoiceFolder, threads: number): Promise<SenseVoiceDecoder> {
    const settings = settingsOf(folder, folder.files.model, FIND_OUT, threads);
    return new SenseVoiceDecoder(sherpa, folder, threads, await sherpa.OfflineRecognizer.createAsync(settings));
  }

  decode(samples: Float32Array, language: string | null): Promise<HeardPiece> {
    const heard = this.#last.then(() => this.#decodeAlone(samples, language ?? FIND_OUT));
    // The next piece may come whatever became of this one; who asked for this one hears of its failure.
    this.#last = heard.catch(() => undefined);
    return heard;
  }

  async #decodeAlone(samples: Float32Array, language: string): Promise<HeardPiece> {
    if (language !== this.#language) {
      if (this.#streams === this.#recogniser) this.#streams = await this.#openStreams();
      this.#recogniser.setConfig(settingsOf(this.#folder, this.#folder.files.model, language, this.#threads));
      this.#language = language;
    }
    const stream = this.#streams.createStream();
    stream.acceptWaveform({ samples, sampleRate: SAMPLE_RATE });
    return readAnswer(() => this.#recogniser.decodeAsync(stream));
  }

  async #openStreams(): Promise<OfflineRecognizer> {
    const folder = await mkdtemp(join(os.tmpdir(), 'fluxscribe-streams-'));
    try {
      const path = join(folder, 'model.onnx');
      await writeFile(path, emptyModel(this.#folder.metadata));
      return await this.#sherpa.OfflineRecognizer.createAsync(settingsOf(this.#folder, path, FIND_OUT, 1));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

function settingsOf(folder: SenseVoiceFolder, model: string, language: string, threads: number): object {
  return {
    featConfig: { sampleRate: SAMPLE_RATE, featureDim: FEATURE_VALUES },
    modelConfig: {
      senseVoice: { model, language, useInverseTextNormalization: 1 },
      tokens: folder.files.tokens,
      numThreads: threads,
      provider: 'cpu',
      debug: 0,
    },
    decodingMethod: 'greedy_search',
  };
}

/** A model that is never run: only its metadata counts. */
function emptyModel(metadata: ReadonlyMap<string, string>): Uint8Array {
  return onnxProto.onnx.ModelProto.encode({
    irVersion: 7,
    opsetImport: [{ version: 13 }],
    graph: {
      name: 'streams',
      node: [node('Identity', ['x'], ['logits'])],
      input: [tensorInfo('x', FLOAT, [1])],
      output: [tensorInfo('logits', FLOAT, [1])],
    },
    metadataProps: [...metadata].map(([key, value]) => ({ key, value })),
  }).finish();
}
