import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as ort from 'onnxruntime-node';
import { floats, floatTensor, int64s, int64Tensor, openSession } from '../onnx/session.ts';
import type { DecodeAsk, ForcedResult, GreedyResult, LanguageGuess, SpeechModel } from '../speech-model.ts';
import { splitMergedDecoder } from './decoder-graphs.ts';
import { MoonshineTokenizer } from './moonshine-tokenizer.ts';

const START = 1;
const END = 2;

/** Shorter sound than this is padded with silence: the encoder's convolutions need at least one output frame. */
const MINIMUM_SAMPLES = 4_000;
/** Windows are cut far below this; the published model was trained on up to 30 s. */
const MAXIMUM_SAMPLES = 30 * 16_000;

/**
 * Tokens a second that the decoder may write at most (Moonshine's own limit is 6.5; speech reaches about 5), plus some
 * for very short clips. A decoder that has begun to loop stops here.
 */
const TOKENS_PER_SECOND = 6.5;
const SPARE_TOKENS = 8;
const MAX_TOKENS = 190;

/** Heads of each layer, in tiny and base alike. */
const HEADS = 8;

/**
 * Heads of tiny that follow the sound (layer * 8 + head), chosen by greedy search over all 48 on the clips with exact word
 * times on 2026-11-21: layers 3 to 5 hold them, as in Whisper; see align-tokens.ts for the figures.
 */
const TINY_LAYERS = 6;
const TINY_ALIGNMENT_HEADS = [29, 34, 35, 38, 44];

/** Samples that one frame of the encoder stands for: strides 64, 3 and 2 of its convolutions. */
const FRAME_SAMPLES = 384;

/** The encoder's view of one window of sound. */
export interface EncodedWindow {
  readonly hidden: ort.Tensor;
  readonly frames: number;
  readonly durationS: number;
}

/** Moonshine (Useful Sensors, MIT) in onnxruntime: greedy decoding, and forced decoding of a text that is known. */
export class Moonshine implements SpeechModel<EncodedWindow> {
  readonly tokenizer = new MoonshineTokenizer();
  readonly frameSamples = FRAME_SAMPLES;
  readonly maxSamples = MAXIMUM_SAMPLES;
  readonly languages = ['en'];
  readonly tasks = ['transcribe'] as const;
  readonly #encoder: ort.InferenceSession;
  readonly #prefix: ort.InferenceSession;
  readonly #step: ort.InferenceSession;
  readonly #prefixCaches: readonly string[];
  readonly #stepCaches: readonly string[];

  private constructor(encoder: ort.InferenceSession, prefix: ort.InferenceSession, step: ort.InferenceSession) {
    this.#encoder = encoder;
    this.#prefix = prefix;
    this.#step = step;
    this.#prefixCaches = prefix.outputNames.filter((name) => name.startsWith('present.') || name.startsWith('cross.'));
    this.#stepCaches = step.outputNames.filter((name) => name.startsWith('present.'));
  }

  /** `folder` holds `encoder_model.onnx` and `decoder_model_merged.onnx`. */
  static async open(folder: string, threads: number): Promise<Moonshine> {
    const graphs = splitMergedDecoder(await readFile(join(folder, 'decoder_model_merged.onnx')), alignmentHeads);
    return new Moonshine(
      await openSession(join(folder, 'encoder_model.onnx'), threads),
      await openSession(graphs.prefix, threads),
      await openSession(graphs.step, threads),
    );
  }

  async encode(pcm: Float32Array): Promise<EncodedWindow> {
    let input = pcm;
    if (pcm.length < MINIMUM_SAMPLES) {
      input = new Float32Array(MINIMUM_SAMPLES);
      input.set(pcm);
    }
    const output = await this.#encoder.run({ input_values: floatTensor(input, [1, input.length]) });
    const hidden = output.last_hidden_state;
    if (!hidden) throw new Error('the encoder gave no hidden state');
    return { hidden, frames: hidden.dims[1] ?? 0, durationS: input.length / 16_000 };
  }

  async identify(): Promise<readonly LanguageGuess[]> {
    return [{ language: 'en', probability: 1 }];
  }

  async greedy(window: EncodedWindow, _ask: DecodeAsk, shouldStop: () => boolean): Promise<GreedyResult> {
    const limit = Math.min(MAX_TOKENS, Math.floor(window.durationS * TOKENS_PER_SECOND) + SPARE_TOKENS);
    const ids: number[] = [];
    const logprobs: number[] = [];
    const start = int64Tensor([START], [1, 1]);
    let output = await this.#prefix.run({ input_ids: start, next_ids: start, encoder_hidden_states: window.hidden }, [
      'top_ids',
      'top_logits',
      'log_sum',
      ...this.#prefixCaches,
    ]);
    const feeds: Record<string, ort.Tensor> = {};
    const keep = (names: readonly string[]) => {
      for (const name of names) feeds[name.replace('present.', 'past_key_values.')] = output[name]!;
    };
    keep(this.#prefixCaches);
    for (;;) {
      const id = Number(int64s(output.top_ids)[0]);
      const logprob = (floats(output.top_logits)[0] ?? 0) - (floats(output.log_sum)[0] ?? 0);
      if (id === END) return { ids, logprobs, ended: true, noSpeechProbability: null };
      if (ids.length >= limit || shouldStop()) {
        return { ids, logprobs, ended: false, noSpeechProbability: null };
      }
      ids.push(id);
      logprobs.push(logprob);
      feeds.input_ids = int64Tensor([id], [1, 1]);
      feeds.next_ids = feeds.input_ids; // asked for by the graph, read by nobody here
      output = await this.#step.run(feeds, ['top_ids', 'top_logits', 'log_sum', ...this.#stepCaches]);
      keep(this.#stepCaches);
    }
  }

  async forced(window: EncodedWindow, _ask: DecodeAsk, ids: readonly number[]): Promise<ForcedResult> {
    const length = ids.length + 1;
    const output = await this.#prefix.run(
      {
        input_ids: int64Tensor([START, ...ids], [1, length]),
        next_ids: int64Tensor([...ids, END], [1, length]),
        encoder_hidden_states: window.hidden,
      },
      ['next_logprobs', 'attention'],
    );
    const logprobs = Array.from(floats(output.next_logprobs));
    const endLogprob = logprobs.pop() ?? 0;
    return {
      logprobs,
      endLogprob,
      attention: floats(output.attention),
      frames: output.attention?.dims[3] ?? 0,
    };
  }

  /**
   * The first text is passed whole; every other one only from where it parts from the first, on the first one's caches.
   * Put first what the others differ least from. Sums that share a long beginning are compared more exactly than two
   * whole passes: the 8-bit layers round by the range of all tokens of a pass.
   */
  async scores(window: EncodedWindow, _ask: DecodeAsk, texts: readonly (readonly number[])[]): Promise<number[]> {
    const [base, ...others] = texts;
    if (!base) return [];
    const whole = await this.#prefix.run(
      {
        input_ids: int64Tensor([START, ...base], [1, base.length + 1]),
        next_ids: int64Tensor([...base, END], [1, base.length + 1]),
        encoder_hidden_states: window.hidden,
      },
      others.length === 0 ? ['next_logprobs'] : ['next_logprobs', ...this.#prefixCaches],
    );
    const baseLogprobs = floats(whole.next_logprobs);
    const totals = [sum(baseLogprobs)];
    for (const ids of others) {
      const shared = sharedLength(base, ids);
      if (shared === base.length && shared === ids.length) totals.push(totals[0]!);
      else totals.push(sum(baseLogprobs.subarray(0, shared)) + (await this.#scoreRest(window, whole, ids, shared)));
    }
    return totals;
  }

  /** Log-probability of `ids` from place `shared` on and of the end, after a pass over a text with the same beginning. */
  async #scoreRest(
    window: EncodedWindow,
    whole: ort.InferenceSession.OnnxValueMapType,
    ids: readonly number[],
    shared: number,
  ): Promise<number> {
    const rest = ids.length - shared + 1;
    const next_ids = int64Tensor([...ids.slice(shared), END], [1, rest]);
    if (shared === 0) {
      const input_ids = int64Tensor([START, ...ids], [1, rest]);
      const output = await this.#prefix.run({ input_ids, next_ids, encoder_hidden_states: window.hidden }, [
        'next_logprobs',
      ]);
      return sum(floats(output.next_logprobs));
    }
    // The start and the shared tokens but the last, which goes in again to foretell the first token that differs.
    const feeds: Record<string, ort.Tensor> = { input_ids: int64Tensor(ids.slice(shared - 1), [1, rest]), next_ids };
    for (const name of this.#prefixCaches) {
      const cache = whole[name] as ort.Tensor;
      feeds[name.replace('present.', 'past_key_values.')] = name.includes('.decoder.')
        ? firstPositions(cache, shared)
        : cache;
    }
    return sum(floats((await this.#step.run(feeds, ['next_logprobs'])).next_logprobs));
  }
}

/** A cache of the shape [1, heads, positions, width] cut to its first positions. */
function firstPositions(cache: ort.Tensor, positions: number): ort.Tensor {
  const [, heads = 0, all = 0, width = 0] = cache.dims;
  const data = floats(cache);
  const cut = new Float32Array(heads * positions * width);
  for (let head = 0; head < heads; head++) {
    const from = head * all * width;
    cut.set(data.subarray(from, from + positions * width), head * positions * width);
  }
  return floatTensor(cut, [1, heads, positions, width]);
}

function sharedLength(left: readonly number[], right: readonly number[]): number {
  let length = 0;
  while (length < left.length && length < right.length && left[length] === right[length]) length++;
  return length;
}

function sum(values: Float32Array): number {
  return values.reduce((total, one) => total + one, 0);
}

/** Of sizes that were not measured, all heads of the upper half: OpenAI's rule for Whisper where it knows no better. */
function alignmentHeads(layers: number): readonly number[] {
  if (layers === TINY_LAYERS) return TINY_ALIGNMENT_HEADS;
  const below = Math.floor(layers / 2) * HEADS;
  return Array.from({ length: layers * HEADS - below }, (_, index) => below + index);
}
