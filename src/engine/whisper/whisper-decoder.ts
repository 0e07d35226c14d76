import type * as ort from 'onnxruntime-node';
import { floats, floatTensor, int64Tensor, openSession } from '../onnx/session.ts';
import { type CacheForm, editWhisperDecoder, type WhisperDecoderGraph } from './decoder-graph.ts';
import type { WhisperFacts } from './whisper-facts.ts';

/** What the decoder looks at: one window of sound as the encoder saw it. */
export interface HeardSound {
  /** Keys and values of the sound, as the decoder's form of caches wants them. */
  readonly tensors: Readonly<Record<string, ort.Tensor>>;
  /** Frames of 20 ms that are sound; what follows is silence that was added. */
  readonly frames: number;
}

/** What the decoder has written so far. Never changed: a text can be continued in several ways. */
export interface WrittenTokens {
  readonly tensors: Readonly<Record<string, ort.Tensor>>;
  readonly length: number;
}

export type DecoderOutput = 'top' | 'next' | 'markers' | 'attention';

export interface DecoderPass {
  /** Everything written, these tokens included. */
  readonly written: WrittenTokens;
  readonly output: ort.InferenceSession.OnnxValueMapType;
}

const OUTPUTS: Readonly<Record<DecoderOutput, readonly string[]>> = {
  top: ['top_ids', 'top_logprobs'],
  next: ['next_logprobs'],
  markers: ['marker_logprobs'],
  attention: ['attention'],
};

/** Whisper's decoder over caches: any number of tokens a pass, after any number that were written before. */
export class WhisperDecoder {
  readonly hasAttention: boolean;
  readonly #session: ort.InferenceSession;
  readonly #caches: CacheForm;
  readonly #facts: WhisperFacts;
  /** Of each cache that goes in, the output that it comes from. */
  readonly #presentOf: ReadonlyMap<string, string>;
  readonly #soundNames: readonly string[];

  private constructor(session: ort.InferenceSession, graph: WhisperDecoderGraph, facts: WhisperFacts) {
    this.#session = session;
    this.#caches = graph.caches;
    this.#facts = facts;
    this.hasAttention = graph.hasAttention;
    const inputs = session.inputNames;
    this.#soundNames = inputs.filter((name) => name.startsWith('cross.') || name.startsWith('n_layer_cross_'));
    this.#presentOf = new Map(
      inputs.flatMap((name): [string, string][] => {
        if (name.startsWith('past.')) return [[name, name.replace('past.', 'present.')]];
        return name.startsWith('in_n_layer_self_') ? [[name, name.replace('in_', 'out_')]] : [];
      }),
    );
  }

  /** `exported` is the content of sherpa-onnx's decoder file. */
  static async open(exported: Uint8Array, facts: WhisperFacts, threads: number): Promise<WhisperDecoder> {
    const graph = editWhisperDecoder(exported, facts);
    return new WhisperDecoder(await openSession(graph.model, threads), graph, facts);
  }

  /** Whether `sound` has to be taken apart by layer. */
  get caches(): CacheForm {
    return this.#caches;
  }

  /** Nothing written yet. */
  start(): WrittenTokens {
    const { layers, width, contextTokens } = this.#facts;
    const dims = this.#caches === 'layers' ? [1, 0, width] : [layers, 1, contextTokens, width];
    const empty = floatTensor(new Float32Array(dims.reduce((product, one) => product * one, 1)), dims);
    return { tensors: Object.fromEntries([...this.#presentOf.keys()].map((name) => [name, empty])), length: 0 };
  }

  /** The first `length` tokens of what was written. */
  first(written: WrittenTokens, length: number): WrittenTokens {
    if (length >= written.length) return written;
    // Caches of full length are read up to the offset only.
    if (this.#caches === 'whole') return { tensors: written.tensors, length };
    const { width } = this.#facts;
    const cut = (tensor: ort.Tensor) => floatTensor(floats(tensor).subarray(0, length * width), [1, length, width]);
    const tensors = Object.fromEntries(Object.entries(written.tensors).map(([name, one]) => [name, cut(one)]));
    return { tensors, length };
  }

  /**
   * Reads `tokens` after what is written. `next` is what follows each of them, as long as they are; needed for the output
   * `next` alone. Throws RangeError when the text grows beyond what the model can hold.
   */
  async pass(
    sound: HeardSound,
    written: WrittenTokens,
    tokens: readonly number[],
    next: readonly number[] | null,
    wanted: readonly DecoderOutput[],
  ): Promise<DecoderPass> {
    const length = written.length + tokens.length;
    if (length > this.#facts.contextTokens) throw new RangeError('the text is longer than the model can hold');
    const dims = [1, tokens.length];
    const ids = int64Tensor(tokens, dims);
    const feeds: Record<string, ort.Tensor> = {
      tokens: ids,
      next_ids: next ? int64Tensor(next, dims) : ids,
      offset: int64Tensor([written.length], [1]),
      ...written.tensors,
    };
    if (this.hasAttention) feeds.frames = int64Tensor([sound.frames], [1]);
    for (const name of this.#soundNames) feeds[name] = sound.tensors[name]!;
    const output = await this.#session.run(feeds, [
      ...new Set(wanted.flatMap((one) => OUTPUTS[one])),
      ...this.#presentOf.values(),
    ]);
    const tensors: Record<string, ort.Tensor> = {};
    for (const [past, present] of this.#presentOf) tensors[past] = output[present] as ort.Tensor;
    return { written: { tensors, length }, output };
  }
}
