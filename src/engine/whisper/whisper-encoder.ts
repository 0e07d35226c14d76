import { readFile, stat } from 'node:fs/promises';
import onnxProto, { type onnx } from 'onnx-proto';
import type * as ort from 'onnxruntime-node';
import { blockedMatmuls } from '../onnx/blocked-matmul.ts';
import {
  FLOAT,
  int64Constant,
  MICROSOFT_DOMAIN,
  neededNodes,
  node,
  tensorInfo,
  usedInitializers,
} from '../onnx/graph-edit.ts';
import { GraphIndex } from '../onnx/graph-index.ts';
import { floatTensor, openSession } from '../onnx/session.ts';
import type { CacheForm } from './decoder-graph.ts';
import { HOP_SAMPLES, LogMel } from './log-mel.ts';
import type { HeardSound } from './whisper-decoder.ts';
import type { WhisperFacts } from './whisper-facts.ts';

/** The encoder's positions: 30 s, in frames of 10 ms. */
const MAX_MEL_FRAMES = 3000;
/**
 * Silence behind the sound, in frames of 10 ms: 10 s behind up to 10 s of sound, 5 s behind 15 s and more. Whisper learnt
 * on windows padded to 30 s; with too little it loses words or loops in short clips, and each second of silence costs as
 * much as a second of sound. WER of Whisper base on 2026-11-21 with 10 s throughout / as here / 5 s / 3 s: english-read
 * 10.1 / 9.7 / 11.6 / 12.2 %, utterances of the 10-minute file 7.7 / 5.3 / 7.6 / 14.0 %, of half of the 60-minute one
 * 5.1 / 4.9 / 6.0 / 5.9 %.
 */
const LONG_TAIL_FRAMES = 1000;
const SHORT_TAIL_FRAMES = 500;
/** Samples that one frame of the encoder stands for: 20 ms. */
export const FRAME_SAMPLES = 320;
/** A larger file is opened as it is: editing holds it in memory several times over. */
const MAX_EDITED_BYTES = 2 ** 29;

/** Whisper's encoder: sound in, what the decoder looks at out. */
export class WhisperEncoder {
  readonly #session: ort.InferenceSession;
  /** Lays the sound's keys and values out by layer; null where the decoder takes them as exported. */
  readonly #layout: ort.InferenceSession | null;
  readonly #mel: LogMel;

  private constructor(session: ort.InferenceSession, layout: ort.InferenceSession | null, bands: number) {
    this.#session = session;
    this.#layout = layout;
    this.#mel = new LogMel(bands);
  }

  static async open(path: string, facts: WhisperFacts, caches: CacheForm, threads: number): Promise<WhisperEncoder> {
    const { size } = await stat(path);
    const model = size <= MAX_EDITED_BYTES ? editEncoder(await readFile(path)) : path;
    const layout = caches === 'layers' ? await openSession(soundLayout(facts), threads) : null;
    return new WhisperEncoder(await openSession(model, threads), layout, facts.melBands);
  }

  /** `pcm` is at most 30 s long. */
  async encode(pcm: Float32Array): Promise<HeardSound> {
    const melFrames = paddedFrames(Math.ceil(pcm.length / HOP_SAMPLES));
    const mel = floatTensor(this.#mel.of(pcm, melFrames), [1, this.#mel.bands, melFrames]);
    const tensors = await this.#session.run({ mel });
    return {
      tensors: this.#layout ? await this.#layout.run(tensors) : tensors,
      frames: Math.max(1, Math.min(melFrames / 2, Math.ceil(pcm.length / FRAME_SAMPLES))),
    };
  }
}

/** Frames of sound and silence together: an even number, at most 30 s. */
function paddedFrames(soundFrames: number): number {
  const tail = Math.min(LONG_TAIL_FRAMES, Math.max(SHORT_TAIL_FRAMES, 2 * LONG_TAIL_FRAMES - soundFrames));
  const wanted = Math.min(MAX_MEL_FRAMES, soundFrames + tail);
  return wanted + (wanted % 2);
}

/** The same encoder with its layers multiplied in blocks; the file itself where nothing in it is quantised. */
function editEncoder(exported: Uint8Array): Uint8Array {
  const model = onnxProto.onnx.ModelProto.decode(exported);
  const graph = model.graph;
  if (!graph) throw new Error('the Whisper encoder has no graph');
  const matmuls = blockedMatmuls(graph);
  if (matmuls.length === 0) return exported;
  const replaced = new Map(matmuls.map((one) => [one.output, one.node]));
  const nodes = neededNodes(
    new GraphIndex(graph).nodes.map((one) => replaced.get(one.output?.[0] ?? '') ?? one),
    new Set((graph.input ?? []).map((one) => one.name ?? '')),
    (graph.output ?? []).map((one) => one.name ?? ''),
  );
  const initializers = [...(graph.initializer ?? []), ...new Set(matmuls.flatMap((one) => one.initializers))];
  const opsetImport = (model.opsetImport ?? []).filter((one) => one.domain !== MICROSOFT_DOMAIN);
  const edited: onnx.IModelProto = {
    irVersion: model.irVersion,
    opsetImport: [...opsetImport, { domain: MICROSOFT_DOMAIN, version: 1 }],
    producerName: 'fluxscribe',
    graph: {
      name: 'whisper-encoder',
      node: nodes,
      initializer: usedInitializers(initializers, nodes),
      input: graph.input ?? [],
      output: graph.output ?? [],
    },
  };
  return onnxProto.onnx.ModelProto.encode(edited).finish();
}

/** A graph that lays the keys and values of the sound out by layer and head, once a window instead of at each step. */
function soundLayout({ layers, width, heads }: WhisperFacts): Uint8Array {
  const initializer: onnx.ITensorProto[] = [int64Constant('shape', [0, 0, heads, width / heads])];
  const nodes: onnx.INodeProto[] = [];
  const outputs: onnx.IValueInfoProto[] = [];
  for (let layer = 0; layer < layers; layer++) {
    initializer.push({ ...int64Constant(`layer.${layer}`, [layer]), dims: [] });
    for (const [letter, kind, perm] of [
      ['k', 'key', [0, 2, 3, 1]],
      ['v', 'value', [0, 2, 1, 3]],
    ] as const) {
      const name = `cross.${layer}.${kind}`;
      nodes.push(
        node('Gather', [`n_layer_cross_${letter}`, `layer.${layer}`], [`${name}.flat`], { axis: 0 }),
        node('Reshape', [`${name}.flat`, 'shape'], [`${name}.heads`]),
        node('Transpose', [`${name}.heads`], [name], { perm }),
      );
      outputs.push(tensorInfo(name, FLOAT, [1, heads, 'a', 'b']));
    }
  }
  const input = ['k', 'v'].map((letter) => tensorInfo(`n_layer_cross_${letter}`, FLOAT, [layers, 1, 'frames', width]));
  const model: onnx.IModelProto = {
    irVersion: 9,
    opsetImport: [{ domain: '', version: 17 }],
    producerName: 'fluxscribe',
    graph: { name: 'whisper-sound', node: nodes, initializer, input, output: outputs },
  };
  return onnxProto.onnx.ModelProto.encode(model).finish();
}
