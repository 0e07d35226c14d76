import onnxProto, { type onnx } from 'onnx-proto';
import {
  FLOAT,
  INT64,
  int64Constant,
  neededNodes,
  node,
  type OnnxGraph,
  type OnnxNode,
  subgraph,
  tensorInfo,
  usedInitializers,
} from '../onnx/graph-edit.ts';

/**
 * The merged Moonshine decoder is one `If` over two branches: a pass without cache and a step with one. We take it apart:
 *
 * - `prefix`: the pass without cache. Runs over any number of tokens at once, fills the caches, and adds the
 *   cross-attention of chosen heads.
 * - `step`: one token or several after cached ones (the branch masks by position, so several see only what is before
 *   them). Drops the encoder caches that the branch hands through unchanged.
 *
 * Both add the log-probability of each token's successor (`next_logprobs` for `next_ids`), and `top_ids`, `top_logits` (the two likeliest tokens at each position) and `log_sum` (log of the summed
 * exponentials), so that 32,768 logits a token never have to cross into JavaScript.
 *
 * Two costs of the export that every step would pay are taken out (together half of a step's time):
 * the output projection turned 9.4 million weights into floats and multiplied those; it now multiplies the 8-bit weights
 * as every other layer does. And the encoder keys were transposed and scaled in each step; `prefix` now hands them out
 * ready (`cross.N.key`) and `step` takes them so.
 */
export interface DecoderGraphs {
  readonly prefix: Uint8Array;
  readonly step: Uint8Array;
  readonly layers: number;
}

const ATTENTION_SUFFIX = '/encoder_attn/Softmax_output_0';

/** `alignmentHeads` names, by the number of layers, the heads (layer * heads per layer + head) that `prefix` gives out. */
export function splitMergedDecoder(
  merged: Uint8Array,
  alignmentHeads: (layers: number) => readonly number[],
): DecoderGraphs {
  const model = onnxProto.onnx.ModelProto.decode(merged);
  const graph = model.graph;
  const branches = graph?.node?.[0];
  if (!graph || branches?.opType !== 'If' || graph.node?.length !== 1) {
    throw new Error('not a merged decoder: the graph is not a single If');
  }
  const initializers = graph.initializer ?? [];
  const prefixBranch = subgraph(branches, 'else_branch');
  const stepBranch = subgraph(branches, 'then_branch');
  const inputs = new Map((graph.input ?? []).map((one) => [one.name ?? '', one]));
  const layers = (graph.output ?? []).filter((one) => one.name?.endsWith('.decoder.key')).length;

  const build = (branch: OnnxGraph, inputNames: readonly string[], extra: ExtraParts): Uint8Array => {
    const outputs = [...(branch.output ?? []).filter((one) => extra.keep(one.name ?? '')), ...extra.outputs];
    const given = new Set([...inputNames, ...extra.inputs.map((one) => one.name ?? '')]);
    const nodes = neededNodes(
      [...extra.first, ...without(quantisedProjection(branch), extra.first), ...extra.nodes],
      given,
      outputs.map((one) => one.name ?? ''),
    );
    const built: onnx.IModelProto = {
      irVersion: model.irVersion,
      opsetImport: model.opsetImport,
      producerName: 'fluxscribe',
      graph: {
        name: extra.name,
        node: nodes,
        initializer: [...usedInitializers(initializers, nodes), ...extra.initializers],
        input: [...inputNames.map((name) => inputs.get(name) ?? missing(name)), ...extra.inputs],
        output: outputs,
      },
    };
    return onnxProto.onnx.ModelProto.encode(built).finish();
  };

  const pastNames = [...inputs.keys()].filter(
    (name) => name.startsWith('past_key_values.') && !name.endsWith('.encoder.key'),
  );
  return {
    layers,
    prefix: build(
      prefixBranch,
      ['input_ids', 'encoder_hidden_states'],
      prefixExtra(prefixBranch, alignmentHeads(layers)),
    ),
    step: build(stepBranch, ['input_ids', ...pastNames], stepExtra(stepBranch)),
  };
}

/**
 * The branch with its output projection in 8-bit arithmetic: the quantised weights are already there, only behind a
 * DequantizeLinear. Nodes that this leaves without a reader fall away in `neededNodes`.
 */
function quantisedProjection(branch: OnnxGraph): OnnxNode[] {
  const nodes = branch.node ?? [];
  const projection = nodes.find((one) => one.output?.[0] === 'logits');
  const dequantize = nodes.find((one) => one.output?.[0] === projection?.input?.[1]);
  const [hidden] = projection?.input ?? [];
  const [weight, scale, zeroPoint] = dequantize?.input ?? [];
  if (projection?.opType !== 'MatMul' || dequantize?.opType !== 'DequantizeLinear' || !hidden || !weight || !scale) {
    return nodes;
  }
  return [
    ...nodes.filter((one) => one !== projection),
    node('DynamicQuantizeLinear', [hidden], ['projection/hidden', 'projection/hidden_scale', 'projection/hidden_zero']),
    node(
      'MatMulInteger',
      ['projection/hidden', weight, 'projection/hidden_zero', ...(zeroPoint ? [zeroPoint] : [])],
      ['projection/sums'],
    ),
    node('Cast', ['projection/sums'], ['projection/float_sums'], { to: FLOAT }),
    node('Mul', ['projection/hidden_scale', scale], ['projection/scale']),
    node('Mul', ['projection/float_sums', 'projection/scale'], ['logits']),
  ];
}

function without(nodes: readonly OnnxNode[], replaced: readonly OnnxNode[]): OnnxNode[] {
  const names = new Set(replaced.flatMap((one) => one.output ?? []));
  return nodes.filter((one) => !one.output?.some((name) => names.has(name)));
}

/** The transposed and scaled encoder keys of each layer, as the attention's first product reads them. */
function crossKeyNames(branch: OnnxGraph): string[] {
  const nodes = branch.node ?? [];
  return attentionNames(branch).map((attention) => {
    const softmax = nodes.find((one) => one.output?.[0] === attention);
    const scores = nodes.find((one) => one.output?.[0] === softmax?.input?.[0]);
    return (scores?.opType === 'MatMul' ? scores.input?.[1] : undefined) ?? missing('cross keys');
  });
}

interface ExtraParts {
  readonly name: string;
  /** Nodes before the branch's own; they take the place of those that made the same outputs. */
  readonly first: readonly OnnxNode[];
  /** Nodes after the branch's own. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly onnx.ITensorProto[];
  readonly inputs: readonly onnx.IValueInfoProto[];
  readonly outputs: readonly onnx.IValueInfoProto[];
  readonly keep: (outputName: string) => boolean;
}

function missing(name: string): never {
  throw new Error(`the decoder has no input ${name}`);
}

function attentionNames(branch: OnnxGraph): string[] {
  const names = (branch.node ?? [])
    .filter((one) => one.opType === 'Softmax')
    .flatMap((one) => one.output ?? [])
    .filter((name) => name.endsWith(ATTENTION_SUFFIX));
  if (names.length === 0) throw new Error('the decoder has no cross-attention that we know');
  return names.sort((a, b) => layerOf(a) - layerOf(b));
}

function layerOf(name: string): number {
  return Number(/layers\.(\d+)\//.exec(name)?.[1] ?? 0);
}

const choiceNodes = (): OnnxNode[] => [
  node('TopK', ['logits', 'fluxscribe/two'], ['top_logits', 'top_ids'], { axis: -1, largest: 1, sorted: 1 }),
  node('ReduceLogSumExp', ['logits'], ['log_sum'], { axes: [-1], keepdims: 0 }),
  node('Unsqueeze', ['next_ids', 'fluxscribe/last_axis'], ['fluxscribe/next_column']),
  node('GatherElements', ['logits', 'fluxscribe/next_column'], ['fluxscribe/next_logits'], { axis: -1 }),
  node('Squeeze', ['fluxscribe/next_logits', 'fluxscribe/last_axis'], ['fluxscribe/next_flat']),
  node('Sub', ['fluxscribe/next_flat', 'log_sum'], ['next_logprobs']),
];

const choiceConstants = () => [int64Constant('fluxscribe/two', [2]), int64Constant('fluxscribe/last_axis', [2])];

const nextIdsInfo = () => tensorInfo('next_ids', INT64, [1, 'tokens']);

const choiceOutputs = () => [
  tensorInfo('top_logits', FLOAT, [1, 'tokens', 2]),
  tensorInfo('top_ids', INT64, [1, 'tokens', 2]),
  tensorInfo('log_sum', FLOAT, [1, 'tokens']),
  tensorInfo('next_logprobs', FLOAT, [1, 'tokens']),
];

const crossKeyInfo = (layer: number) => tensorInfo(`cross.${layer}.key`, FLOAT, [1, 'heads', 'width', 'frames']);

function prefixExtra(branch: OnnxGraph, alignmentHeads: readonly number[]): ExtraParts {
  const crossKeys = crossKeyNames(branch);
  return {
    name: 'moonshine-prefix',
    first: [],
    nodes: [
      ...choiceNodes(),
      node('Concat', attentionNames(branch), ['fluxscribe/all_heads'], { axis: 1 }),
      node('Gather', ['fluxscribe/all_heads', 'fluxscribe/alignment_heads'], ['attention'], { axis: 1 }),
      ...crossKeys.map((name, layer) => node('Identity', [name], [`cross.${layer}.key`])),
    ],
    initializers: [...choiceConstants(), int64Constant('fluxscribe/alignment_heads', alignmentHeads)],
    inputs: [nextIdsInfo()],
    outputs: [
      ...choiceOutputs(),
      tensorInfo('attention', FLOAT, [1, 'heads', 'tokens', 'frames']),
      ...crossKeys.map((_, layer) => crossKeyInfo(layer)),
    ],
    keep: (name) => name !== 'logits' && !name.endsWith('.encoder.key'),
  };
}

function stepExtra(branch: OnnxGraph): ExtraParts {
  const crossKeys = crossKeyNames(branch);
  return {
    name: 'moonshine-step',
    first: crossKeys.map((name, layer) => node('Identity', [`cross.${layer}.key`], [name])),
    nodes: choiceNodes(),
    initializers: choiceConstants(),
    inputs: [nextIdsInfo(), ...crossKeys.map((_, layer) => crossKeyInfo(layer))],
    outputs: choiceOutputs(),
    keep: (name) => name.includes('.decoder.'),
  };
}
