import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as ort from 'onnxruntime-node';
import { readOnnxMetadata } from '../onnx/read-metadata.ts';
import { floats, int64s } from '../onnx/session.ts';
import type { DecodeAsk, ForcedResult, GreedyResult, LanguageGuess, SpeechModel, SpeechTask } from '../speech-model.ts';
import { type DecoderPass, type HeardSound, WhisperDecoder, type WrittenTokens } from './whisper-decoder.ts';
import { FRAME_SAMPLES, WhisperEncoder } from './whisper-encoder.ts';
import { readWhisperFacts, type WhisperFacts } from './whisper-facts.ts';
import { WhisperTokenizer } from './whisper-tokenizer.ts';

/** Whisper's window is 30 s; from 29.5 s on sherpa-onnx drops sound, and a little silence at the end helps it to stop. */
const MAXIMUM_SAMPLES = 29 * 16_000;

/**
 * Tokens a second that may be written at most, plus some for very short clips: speech in Latin letters reaches about 5, in
 * scripts whose characters take two or three tokens about 12. A decoder that has begun to loop stops here.
 */
const TOKENS_PER_SECOND = 14;
const SPARE_TOKENS = 12;
/** Half of the decoder's context, as OpenAI's. */
const MAX_TOKENS = 224;

/**
 * The alignment heads look ahead of the sound that a token stands for: what they show is moved later by as many frames of
 * 20 ms. Fitted on 2026-11-21 with Whisper base on the clips with exact word times: either half of them is best with 1.5
 * to 1.75. Word starts are off by 37 ms median, 118 ms p90 without it, by 30 and 94 ms with it (`npm run bench:align`).
 */
const ATTENTION_LEAD_FRAMES = 1.5;

/** One window of sound as the encoder saw it. */
export interface EncodedSpeech {
  readonly sound: HeardSound;
  readonly durationS: number;
}

/** OpenAI's Whisper (MIT) of any size in onnxruntime, out of the folders that sherpa-onnx publishes. */
export class Whisper implements SpeechModel<EncodedSpeech> {
  readonly tokenizer: WhisperTokenizer;
  readonly frameSamples = FRAME_SAMPLES;
  readonly maxSamples = MAXIMUM_SAMPLES;
  readonly languages: readonly string[];
  readonly tasks: readonly SpeechTask[];
  readonly #facts: WhisperFacts;
  readonly #encoder: WhisperEncoder;
  readonly #decoder: WhisperDecoder;

  private constructor(
    facts: WhisperFacts,
    tokenizer: WhisperTokenizer,
    encoder: WhisperEncoder,
    decoder: WhisperDecoder,
  ) {
    this.#facts = facts;
    this.tokenizer = tokenizer;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.languages = [...facts.languages.keys()];
    this.tasks = facts.multilingual ? ['transcribe', 'translate'] : ['transcribe'];
  }

  /**
   * `folder` holds an encoder, a decoder and a token file as sherpa-onnx names them (`base-encoder.int8.onnx`,
   * `decoder.onnx`, `base-tokens.txt`, …); of several, the 8-bit one. Throws when one is missing or is no Whisper.
   */
  static async open(folder: string, threads: number): Promise<Whisper> {
    const names = await readdir(folder);
    const find = (pattern: RegExp) => {
      const found = names
        .filter((name) => pattern.test(name))
        .sort((a, b) => Number(b.includes('.int8.')) - Number(a.includes('.int8.')));
      if (!found[0]) throw new Error(`the Whisper folder has no file like ${pattern.source}`);
      return join(folder, found[0]);
    };
    const encoderPath = find(/^(.+-)?encoder(\.int8)?\.onnx$/);
    const decoderPath = find(/^(.+-)?decoder(\.int8)?\.onnx$/);
    const facts = readWhisperFacts(await readOnnxMetadata(encoderPath));
    const tokenizer = new WhisperTokenizer(await readFile(find(/^(.+-)?tokens\.txt$/), 'utf8'));
    const decoder = await WhisperDecoder.open(await readFile(decoderPath), facts, threads);
    const encoder = await WhisperEncoder.open(encoderPath, facts, decoder.caches, threads);
    return new Whisper(facts, tokenizer, encoder, decoder);
  }

  /** Throws RangeError for sound beyond `maxSamples`. Any shorter sound is taken, even none. */
  async encode(pcm: Float32Array): Promise<EncodedSpeech> {
    if (pcm.length > MAXIMUM_SAMPLES) throw new RangeError('the window is longer than Whisper hears at once');
    return { sound: await this.#encoder.encode(pcm), durationS: pcm.length / 16_000 };
  }

  async identify(window: EncodedSpeech): Promise<readonly LanguageGuess[]> {
    if (!this.#facts.multilingual) return [{ language: 'en', probability: 1 }];
    const start = [this.#facts.startOfTranscript];
    const { output } = await this.#decoder.pass(window.sound, this.#decoder.start(), start, null, ['markers']);
    // Of all tokens; the shares of the languages alone are wanted.
    const logprobs = floats(output.marker_logprobs).subarray(0, this.languages.length);
    const peak = logprobs.reduce((highest, one) => Math.max(highest, one), Number.NEGATIVE_INFINITY);
    const weights = logprobs.map((one) => Math.exp(one - peak));
    const total = sum(weights);
    return this.languages
      .map((language, index) => ({ language, probability: (weights[index] ?? 0) / total }))
      .sort((a, b) => b.probability - a.probability);
  }

  async greedy(window: EncodedSpeech, ask: DecodeAsk, shouldStop: () => boolean): Promise<GreedyResult> {
    const { endOfText } = this.#facts;
    const limit = Math.min(MAX_TOKENS, Math.floor(window.durationS * TOKENS_PER_SECOND) + SPARE_TOKENS);
    const prompt = this.#prompt(ask);
    const ids: number[] = [];
    const logprobs: number[] = [];
    let pass = await this.#decoder.pass(window.sound, this.#decoder.start(), prompt, null, ['top', 'markers']);
    const noSpeechProbability = this.#noSpeech(pass);
    for (;;) {
      const { id, logprob } = this.#choose(pass, ids.length === 0);
      if (id === endOfText) return { ids, logprobs, ended: true, noSpeechProbability };
      if (ids.length >= limit || shouldStop()) return { ids, logprobs, ended: false, noSpeechProbability };
      ids.push(id);
      logprobs.push(logprob);
      pass = await this.#decoder.pass(window.sound, pass.written, [id], null, ['top']);
    }
  }

  async forced(window: EncodedSpeech, ask: DecodeAsk, ids: readonly number[]): Promise<ForcedResult> {
    const { hasAttention } = this.#decoder;
    const prompt = this.#prompt(ask);
    const { output } = await this.#decoder.pass(
      window.sound,
      this.#decoder.start(),
      [...prompt, ...ids],
      [...prompt.slice(1), ...ids, this.#facts.endOfText],
      hasAttention ? ['next', 'attention'] : ['next'],
    );
    const logprobs = Array.from(floats(output.next_logprobs).subarray(prompt.length - 1));
    const endLogprob = logprobs.pop() ?? 0;
    const all = output.attention as ort.Tensor | undefined;
    const { frames } = window.sound;
    return {
      logprobs,
      endLogprob,
      attention: all ? soundOfTokens(all, prompt.length - 1) : new Float32Array(),
      frames,
    };
  }

  /**
   * The first text is passed whole, each other one from where it parts from the first. Rows are rounded to 8 bits one by
   * one, so this gives what whole passes would, to within 0.01 for likely texts and 0.2 for far-fetched ones.
   */
  async scores(
    window: EncodedSpeech,
    ask: DecodeAsk,
    texts: readonly (readonly number[])[],
  ): Promise<readonly number[]> {
    const prompt = this.#prompt(ask);
    const totals: number[] = [];
    let base: { ids: readonly number[]; written: WrittenTokens; logprobs: Float32Array } | null = null;
    for (const text of texts) {
      const ids = [...prompt, ...text];
      const next = [...ids.slice(1), this.#facts.endOfText];
      const shared = base ? sharedLength(base.ids, ids) : 0;
      // The last shared token goes in again: what follows it is where the texts part.
      const from = Math.max(0, shared - 1);
      const written = base ? this.#decoder.first(base.written, from) : this.#decoder.start();
      const pass = await this.#decoder.pass(window.sound, written, ids.slice(from), next.slice(from), ['next']);
      const logprobs = floats(pass.output.next_logprobs);
      const before = base?.logprobs.subarray(prompt.length - 1, from) ?? new Float32Array();
      totals.push(sum(before) + sum(base ? logprobs : logprobs.subarray(prompt.length - 1)));
      base ??= { ids, written: pass.written, logprobs };
    }
    return totals;
  }

  #prompt(ask: DecodeAsk): number[] {
    const { startOfTranscript, noTimestamps, transcribe, translate, languages, multilingual } = this.#facts;
    if (!multilingual) return [startOfTranscript, noTimestamps];
    const language = languages.get(ask.language);
    if (language === undefined) throw new Error('the model does not know the language');
    return [startOfTranscript, language, ask.task === 'translate' ? translate : transcribe, noTimestamps];
  }

  /** The likeliest token after a pass. A text does not begin with a lone space. */
  #choose({ output }: DecoderPass, isFirst: boolean): { id: number; logprob: number } {
    const ids = int64s(output.top_ids);
    const place = isFirst && Number(ids[0]) === this.#facts.blank ? 1 : 0;
    return { id: Number(ids[place]), logprob: floats(output.top_logprobs)[place] ?? 0 };
  }

  #noSpeech({ output }: DecoderPass): number | null {
    if (this.#facts.noSpeech === null) return null;
    // What follows the start of the transcript, which is the first row; the mark comes last in it.
    return Math.exp(floats(output.marker_logprobs)[this.#facts.languages.size] ?? Number.NEGATIVE_INFINITY);
  }
}

/**
 * [1, heads, rows, frames] without the first `from` rows of each head, moved to the sound that the tokens stand for:
 * linear between frames, the first one repeated.
 */
function soundOfTokens(attention: ort.Tensor, from: number): Float32Array {
  const [, heads = 0, rows = 0, frames = 0] = attention.dims;
  const all = floats(attention);
  const moved = new Float32Array(heads * (rows - from) * frames);
  const whole = Math.floor(ATTENTION_LEAD_FRAMES);
  const rest = ATTENTION_LEAD_FRAMES - whole;
  let to = 0;
  for (let head = 0; head < heads; head++) {
    for (let row = from; row < rows; row++) {
      const start = (head * rows + row) * frames;
      for (let frame = 0; frame < frames; frame++) {
        const near = all[start + Math.max(0, frame - whole)]!;
        const far = all[start + Math.max(0, frame - whole - 1)]!;
        moved[to++] = near * (1 - rest) + far * rest;
      }
    }
  }
  return moved;
}

function sharedLength(left: readonly number[], right: readonly number[]): number {
  let length = 0;
  while (length < left.length && length < right.length && left[length] === right[length]) length++;
  return length;
}

function sum(values: Float32Array): number {
  return values.reduce((total, one) => total + one, 0);
}
