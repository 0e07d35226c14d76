import onnxProto, { type onnx } from 'onnx-proto';
import { type BlockedMatmul, blockedMatmuls } from '../onnx/blocked-matmul.ts';
import {
  FLOAT,
  floatConstant,
  INT64,
  int64Constant,
  MICROSOFT_DOMAIN,
  neededNodes,
  node,
  type OnnxNode,
  tensorInfo,
  usedInitializers,
} from '../onnx/graph-edit.ts';
import { GraphIndex } from '../onnx/graph-index.ts';
import type { WhisperFacts } from './whisper-facts.ts';

/** Likeliest tokens that are given out: the first one of a text may have to pass over a lone space. */
export const TOP_TOKENS = 2;

/**
 * How the decoder keeps what it has written:
 * - `layers`: `past.N.key`, `past.N.value` [1, length, width] in, `present.…` one longer out; and for the sound `cross.N.key`
 *   [1, heads, width / heads, frames], `cross.N.value` [1, heads, frames, width / heads].
 * - `whole`: the export's own caches of full length for all layers together.
 */
export type CacheForm = 'layers' | 'whole';

export interface WhisperDecoderGraph {
  readonly model: Uint8Array;
  readonly caches: CacheForm;
  /** The export gives out its cross-attention. */
  readonly hasAttention: boolean;
}

/**
 * The decoder as exported for sherpa-onnx, with what we need beside its logits, so that 51,865 of them a token never have
 * to cross into JavaScript. New inputs: `next_ids` (what follows each token) and `frames` (how many of the sound's frames
 * are sound). New outputs, natural-log probabilities over all tokens:
 *
 * - `top_ids`, `top_logprobs`: the likeliest tokens that may be written after the last one.
 * - `next_logprobs`: of the given next token, for each token.
 * - `marker_logprobs`: of the language tokens in the order of the facts, then of "nobody speaks", for each token.
 * - `attention`: [1, heads, tokens, frames], after a softmax over the frames of sound alone.
 *
 * Layers are multiplied in blocks (see `blockedMatmuls`). Caches are taken apart by layer and grow with the text: the
 * export copies 448 places of all layers in and out at each step, and lays out the sound's keys anew (together most of
 * a step's time).
 */
export function editWhisperDecoder(exported: Uint8Array, facts: WhisperFacts): WhisperDecoderGraph {
  const model = onnxProto.onnx.ModelProto.decode(exported);
  const graph = model.graph;
  if (!graph) throw new Error('the Whisper decoder has no graph');
  const index = new GraphIndex(graph);
  const replaced = new Map<string, OnnxNode[]>();
  const constants: onnx.ITensorProto[] = [];
  for (const matmul of blockedMatmuls(graph)) {
    replaced.set(matmul.output, [matmul.node]);
    constants.push(...matmul.initializers);
    const embedding = embeddingOf(index, matmul);
    if (embedding) replaced.set(embedding.value, embedding.nodes);
  }
  const layered = layeredCaches(index, facts);
  for (const [value, input] of layered?.given ?? []) replaced.set(value, [node('Identity', [input], [value])]);

  const inputs = [
    ...(graph.input ?? []).filter((one) => !layered || !isWhole(one.name ?? '')),
    ...(layered?.inputs ?? []),
  ];
  const hasAttention = (graph.output ?? []).some((one) => one.name === 'cross_attention_weights');
  inputs.push(tensorInfo('next_ids', INT64, [1, 'n']));
  if (hasAttention) inputs.push(tensorInfo('frames', INT64, [1]));
  const outputs = [...choiceOutputs(hasAttention)];
  outputs.push(...(layered ? layered.outputs : (graph.output ?? []).filter((one) => isWhole(one.name ?? ''))));

  const nodes = neededNodes(
    [
      ...index.nodes.flatMap((one) => replaced.get(one.output?.[0] ?? '') ?? [one]),
      ...choiceNodes(hasAttention),
      ...(layered?.extra ?? []),
    ],
    new Set(inputs.map((one) => one.name ?? '')),
    outputs.map((one) => one.name ?? ''),
  );
  const initializers = [...(graph.initializer ?? []), ...uniqueByName(constants), ...choiceConstants(facts)];
  const edited: onnx.IModelProto = {
    irVersion: model.irVersion,
    opsetImport: withMicrosoft(model.opsetImport ?? []),
    producerName: 'fluxscribe',
    graph: {
      name: 'whisper-decoder',
      node: nodes,
      initializer: usedInitializers(initializers, nodes),
      input: inputs,
      output: outputs,
    },
  };
  return {
    model: onnxProto.onnx.ModelProto.encode(edited).finish(),
    caches: layered ? 'layers' : 'whole',
    hasAttention,
  };
}

/** Token embeddings out of the very weights that the logits use, in their new order; the old ones need not be kept then. */
function embeddingOf(index: GraphIndex, matmul: BlockedMatmul): { value: string; nodes: OnnxNode[] } | undefined {
  const rows = index.readers(matmul.weightName, 'Gather').find((one) => one.input?.[1] === 'tokens');
  const [floats] = index.readers(rows?.output?.[0], 'Cast');
  const [centred] = index.readers(floats?.output?.[0], 'Sub');
  const [scaled] = index.readers(centred?.output?.[0], 'Mul');
  const [turned] = index.readers(scaled?.output?.[0], 'Transpose');
  const scales = (scaled?.input ?? []).find((name) => name !== centred?.output?.[0]);
  const zero = centred?.input?.[1];
  const value = turned?.output?.[0];
  if (!rows || !scales || !zero || !value || !index.producer(scales, 'Gather')) return undefined;
  const part = (name: string) => `fluxscribe/embedding_${name}`;
  return {
    value,
    nodes: [
      node('Gather', [matmul.blockedName, 'tokens'], [part('blocks')], { axis: 0 }),
      node('Cast', [part('blocks')], [part('floats')], { to: FLOAT }),
      node('Sub', [part('floats'), zero], [part('centred')]),
      node('Reshape', [part('centred'), NAMES.rows], [part('rows')]),
      node('Unsqueeze', [scales, NAMES.lastAxis], [part('scales')]),
      node('Mul', [part('rows'), part('scales')], [value]),
    ],
  };
}

const isWhole = (name: string) => name.includes('n_layer_');

interface LayeredCaches {
  /** Values of the graph that are now inputs: value, input. */
  readonly given: readonly (readonly [string, string])[];
  readonly inputs: readonly onnx.IValueInfoProto[];
  readonly outputs: readonly onnx.IValueInfoProto[];
  readonly extra: readonly OnnxNode[];
}

/** The caches taken apart by layer; undefined when the export is built otherwise than the ones that we know. */
function layeredCaches(index: GraphIndex, facts: WhisperFacts): LayeredCaches | undefined {
  const { layers, width, heads } = facts;
  const given: [string, string][] = [];
  const inputs: onnx.IValueInfoProto[] = [];
  const outputs: onnx.IValueInfoProto[] = [];
  const extra: OnnxNode[] = [];
  for (const [letter, kind] of [
    ['k', 'key'],
    ['v', 'value'],
  ] as const) {
    const past = index.readers(`in_n_layer_self_${letter}_cache`, 'Slice').flatMap((slice) => {
      return index.readers(slice.output?.[0], 'Gather');
    });
    const cross = index.readers(`n_layer_cross_${letter}`, 'Gather');
    for (let layer = 0; layer < layers; layer++) {
      const own = past.find((one) => index.scalar(one.input?.[1]) === layer)?.output?.[0];
      const [joined] = index.readers(own, 'Concat');
      const sound = cross.find((one) => index.scalar(one.input?.[1]) === layer)?.output?.[0];
      const [shaped] = index.readers(sound, 'Reshape');
      const [turned] = index.readers(shaped?.output?.[0], 'Transpose');
      const present = joined?.output?.[0];
      const laidOut = turned?.output?.[0];
      if (!own || !present || !laidOut) return undefined;
      given.push([own, `past.${layer}.${kind}`], [laidOut, `cross.${layer}.${kind}`]);
      inputs.push(
        tensorInfo(`past.${layer}.${kind}`, FLOAT, [1, 'past', width]),
        tensorInfo(
          `cross.${layer}.${kind}`,
          FLOAT,
          letter === 'k' ? [1, heads, width / heads, 'T2'] : [1, heads, 'T2', width / heads],
        ),
      );
      outputs.push(tensorInfo(`present.${layer}.${kind}`, FLOAT, [1, 'length', width]));
      extra.push(node('Identity', [present], [`present.${layer}.${kind}`]));
    }
  }
  return { given, inputs, outputs, extra };
}

const NAMES = {
  allowed: 'fluxscribe/allowed',
  top: 'fluxscribe/top',
  markers: 'fluxscribe/markers',
  lastAxis: 'fluxscribe/last_axis',
  frameAxis: 'fluxscribe/frame_axis',
  zero: 'fluxscribe/zero',
  rows: 'fluxscribe/rows',
  last: 'fluxscribe/last',
  end: 'fluxscribe/end',
  tokenAxis: 'fluxscribe/token_axis',
} as const;

function choiceNodes(hasAttention: boolean): OnnxNode[] {
  const nodes = [
    // One pass over all logits: onnxruntime's ReduceLogSumExp takes several times as long.
    node('LogSoftmax', ['logits'], ['fluxscribe/logprobs'], { axis: -1 }),
    node('Slice', ['fluxscribe/logprobs', NAMES.last, NAMES.end, NAMES.tokenAxis], ['fluxscribe/last_logprobs']),
    node('Add', ['fluxscribe/last_logprobs', NAMES.allowed], ['fluxscribe/open_logprobs']),
    node('TopK', ['fluxscribe/open_logprobs', NAMES.top], ['top_logprobs', 'top_ids'], {
      axis: -1,
      largest: 1,
      sorted: 1,
    }),
    node('Unsqueeze', ['next_ids', NAMES.lastAxis], ['fluxscribe/next_column']),
    node('GatherElements', ['fluxscribe/logprobs', 'fluxscribe/next_column'], ['fluxscribe/next_row'], { axis: -1 }),
    node('Squeeze', ['fluxscribe/next_row', NAMES.lastAxis], ['next_logprobs']),
    node('Gather', ['fluxscribe/logprobs', NAMES.markers], ['marker_logprobs'], { axis: 2 }),
  ];
  if (hasAttention) {
    nodes.push(
      node('Slice', ['cross_attention_weights', NAMES.zero, 'frames', NAMES.frameAxis], ['fluxscribe/sound_attention']),
      node('Softmax', ['fluxscribe/sound_attention'], ['attention'], { axis: -1 }),
    );
  }
  return nodes;
}

function choiceOutputs(hasAttention: boolean): onnx.IValueInfoProto[] {
  return [
    tensorInfo('top_logprobs', FLOAT, [1, 1, TOP_TOKENS]),
    tensorInfo('top_ids', INT64, [1, 1, TOP_TOKENS]),
    tensorInfo('next_logprobs', FLOAT, [1, 'n']),
    tensorInfo('marker_logprobs', FLOAT, [1, 'n', 'markers']),
    ...(hasAttention ? [tensorInfo('attention', FLOAT, [1, 'heads', 'n', 'sound'])] : []),
  ];
}

function choiceConstants(facts: WhisperFacts): onnx.ITensorProto[] {
  const allowed = new Float32Array(facts.vocabulary);
  // Everything above the end of text is a mark: languages, tasks, timestamps.
  allowed.fill(Number.NEGATIVE_INFINITY, facts.endOfText + 1);
  for (const id of facts.nonSpeech) allowed[id] = Number.NEGATIVE_INFINITY;
  const markers = [...facts.languages.values()];
  if (facts.noSpeech !== null) markers.push(facts.noSpeech);
  return [
    floatConstant(NAMES.allowed, allowed),
    int64Constant(NAMES.top, [TOP_TOKENS]),
    int64Constant(NAMES.markers, markers),
    int64Constant(NAMES.lastAxis, [2]),
    int64Constant(NAMES.frameAxis, [3]),
    int64Constant(NAMES.zero, [0]),
    int64Constant(NAMES.rows, [0, 0, -1]),
    int64Constant(NAMES.last, [-1]),
    int64Constant(NAMES.end, [Number.MAX_SAFE_INTEGER]),
    int64Constant(NAMES.tokenAxis, [1]),
  ];
}

function withMicrosoft(imports: readonly onnx.IOperatorSetIdProto[]): onnx.IOperatorSetIdProto[] {
  const others = imports.filter((one) => one.domain !== MICROSOFT_DOMAIN);
  return [...others, { domain: MICROSOFT_DOMAIN, version: 1 }];
}

function uniqueByName(tensors: readonly onnx.ITensorProto[]): onnx.ITensorProto[] {
  return [...new Map(tensors.map((one) => [one.name, one])).values()];
}
