import { type BuiltGraph, GraphBuilder } from './graph-builder.ts';
import { constant, elementTypes } from './graph-tensor.ts';
import type { ModelWeights } from './model-weights.ts';
import type { WhisperDims } from './whisper-dims.ts';

/** A head of the cross attention that follows the words: layer and head, from 0. */
export type AlignmentHead = readonly [layer: number, head: number];

/** Keys and values of the tokens so far. */
type Cache = { readonly k: string; readonly v: string };

/**
 * The second half of Whisper, one step: `tokens` [N, n] that stand at `offset`, the caches of the tokens before them and
 * the encoder's output → `logits` [N, n, vocabulary], the caches with the new tokens, and `cross_attention_weights`
 * [N, heads, n, T/2] of the alignment heads, which are scores before the softmax, because sherpa-onnx applies one itself.
 */
export function decoderGraph(
  weights: ModelWeights,
  dims: WhisperDims,
  alignment: readonly AlignmentHead[],
  signal: AbortSignal,
): BuiltGraph {
  const graph = new GraphBuilder(weights, dims.state, dims.decoderHeads, signal);
  const table = weights.weight('decoder/embeddings/weight', [dims.vocabulary, dims.state]);

  // The embedding is read out of the very matrix that the logits are made with, [state, vocabulary].
  const { values, scales } = graph.quantised(table);
  const levels = graph.node('Cast', [graph.node('Gather', [values, 'tokens'], { axis: 1 })], {
    to: elementTypes.float32.number,
  });
  const centred = graph.node('Sub', [levels, graph.number('float32', 128)]);
  const embedded = graph.node('Mul', [centred, graph.node('Gather', [scales, 'tokens'])]);
  const byPlace = graph.node('Transpose', [embedded], { perm: [1, 2, 0] });

  const end = graph.node('Add', ['offset', graph.node('Shape', ['tokens'], { start: 1, end: 2 })]);
  const encodings = graph.weight('decoder/position_encodings/encodings', dims.textContext, dims.state);
  const along = graph.list(0);
  let x = graph.node('Add', [byPlace, graph.node('Slice', [encodings, 'offset', end, along])]);

  const mask = causalMask(graph, end, dims.textContext);
  const past: Cache = { k: pastOf(graph, 'k'), v: pastOf(graph, 'v') };
  const made: Cache[] = [];
  const followed: string[] = [];
  for (let index = 0; index < dims.decoderLayers; index++) {
    const layer = `decoder/layer_${index}`;
    const self = selfAttention(graph, x, index, past, mask);
    made.push(self.made);
    x = self.x;
    const cross = crossAttention(graph, x, index);
    x = cross.x;
    const heads = alignment.filter((one) => one[0] === index).map((one) => one[1]);
    if (heads.length > 0) followed.push(graph.node('Gather', [cross.scores, graph.list(...heads)], { axis: 1 }));
    x = graph.feedForward(x, layer);
  }
  x = graph.layerNorm(x, 'decoder/layer_norm');
  graph.output(logits(graph, x, dims), 'logits');

  for (const which of ['k', 'v'] as const) {
    // The cache keeps its full length: what lies behind the new tokens is handed on.
    const rest = graph.node('Slice', [cacheName(which), end, graph.list(dims.textContext), graph.list(2)]);
    const stacked = graph.stack(made.map((one) => one[which]));
    const whole = graph.node('Concat', [past[which], stacked, rest], { axis: 2 });
    graph.output(whole, `out_n_layer_self_${which}_cache`);
  }
  graph.output(graph.node('Concat', followed, { axis: 1 }), 'cross_attention_weights');
  return graph.finish('decoder', ...ports(dims, alignment.length));
}

function ports(dims: WhisperDims, heads: number): [BuiltGraph['inputs'], BuiltGraph['outputs']] {
  const cache = [dims.decoderLayers, 'N', dims.textContext, dims.state];
  const cross = [dims.decoderLayers, 'N', 'T2', dims.state];
  return [
    [
      { name: 'tokens', type: 'int64', shape: ['N', 'n'] },
      { name: cacheName('k'), type: 'float32', shape: cache },
      { name: cacheName('v'), type: 'float32', shape: cache },
      { name: 'n_layer_cross_k', type: 'float32', shape: cross },
      { name: 'n_layer_cross_v', type: 'float32', shape: cross },
      { name: 'offset', type: 'int64', shape: [1] },
    ],
    [
      { name: 'logits', type: 'float32', shape: ['N', 'n', dims.vocabulary] },
      { name: 'out_n_layer_self_k_cache', type: 'float32', shape: cache },
      { name: 'out_n_layer_self_v_cache', type: 'float32', shape: cache },
      { name: 'cross_attention_weights', type: 'float32', shape: ['N', heads, 'n', 'T2'] },
    ],
  ];
}

/** The projection is the embedding table in every published Whisper; a fine-tune may have untied them. */
function logits(graph: GraphBuilder, x: string, dims: WhisperDims): string {
  const name = 'decoder/projection';
  const from = graph.weights.has(`${name}/weight`) ? `${name}/weight` : 'decoder/embeddings/weight';
  const products = graph.product(x, graph.weights.weight(from, [dims.vocabulary, dims.state]));
  if (!graph.weights.has(`${name}/bias`)) return products;
  return graph.node('Add', [products, graph.weight(`${name}/bias`, dims.vocabulary)]);
}

/** 0 where the token at `offset + row` may look, minus infinity at the places behind its own. */
function causalMask(graph: GraphBuilder, end: string, places: number): string {
  const index = graph.name({
    ...constant(
      'int64',
      Array.from({ length: places }, (_, place) => place),
    ),
    key: 'places',
  });
  const columns = graph.node('Slice', [index, graph.list(0), end, graph.list(0)]);
  const ownPlaces = graph.node('Slice', [index, 'offset', end, graph.list(0)]);
  const rows = graph.node('Unsqueeze', [ownPlaces, graph.list(1)]);
  const hidden = graph.number('float32', Number.NEGATIVE_INFINITY);
  const later = graph.node('Greater', [columns, rows]);
  return graph.node('Where', [later, hidden, graph.number('float32', 0)]);
}

function cacheName(which: 'k' | 'v'): string {
  return `in_n_layer_self_${which}_cache`;
}

function pastOf(graph: GraphBuilder, which: 'k' | 'v'): string {
  return graph.node('Slice', [cacheName(which), graph.list(0), 'offset', graph.list(2)]);
}

/** One layer's part of a value that holds all layers. */
function pick(graph: GraphBuilder, value: string, layer: number): string {
  return graph.node('Gather', [value, graph.number('int64', layer)], { axis: 0 });
}

function selfAttention(
  graph: GraphBuilder,
  x: string,
  index: number,
  past: Cache,
  mask: string,
): { readonly x: string; readonly made: Cache } {
  const name = `decoder/layer_${index}/self_attention`;
  const normed = graph.layerNorm(x, `${name}/layer_norm`);
  const all = graph.linear(normed, `${name}/linear_0`, 3 * graph.state, graph.state);
  const [query = '', k = '', v = ''] = graph.split(all, 3);
  const keys = graph.node('Concat', [pick(graph, past.k, index), k], { axis: 1 });
  const values = graph.node('Concat', [pick(graph, past.v, index), v], { axis: 1 });
  const { mix } = attention(graph, query, keys, values, mask);
  const out = graph.linear(mix, `${name}/linear_1`, graph.state, graph.state);
  return { x: graph.node('Add', [x, out]), made: { k, v } };
}

function crossAttention(
  graph: GraphBuilder,
  x: string,
  index: number,
): { readonly x: string; readonly scores: string } {
  const name = `decoder/layer_${index}/attention`;
  const normed = graph.layerNorm(x, `${name}/layer_norm`);
  const query = graph.linear(normed, `${name}/linear_0`, graph.state, graph.state);
  const keys = pick(graph, 'n_layer_cross_k', index);
  const values = pick(graph, 'n_layer_cross_v', index);
  const { mix, scores } = attention(graph, query, keys, values, null);
  const out = graph.linear(mix, `${name}/linear_2`, graph.state, graph.state);
  return { x: graph.node('Add', [x, out]), scores };
}

/** Values [N, n, state] → their mix [N, n, state], and the scores [N, heads, n, m] before the softmax. */
function attention(
  graph: GraphBuilder,
  query: string,
  keys: string,
  values: string,
  mask: string | null,
): { readonly mix: string; readonly scores: string } {
  const byHead = (value: string, perm: readonly number[]) => {
    const split = graph.node('Reshape', [value, graph.list(0, 0, graph.heads, -1)]);
    return graph.node('Transpose', [split], { perm });
  };
  const scale = graph.number('float32', Math.fround((graph.state / graph.heads) ** -0.5));
  const scaled = graph.node('Mul', [query, scale]);
  let scores = graph.node('MatMul', [byHead(scaled, [0, 2, 1, 3]), byHead(keys, [0, 2, 3, 1])]);
  if (mask !== null) scores = graph.node('Add', [scores, mask]);
  const chances = graph.node('Softmax', [scores], { axis: -1 });
  const mixed = graph.node('MatMul', [chances, byHead(values, [0, 2, 1, 3])]);
  const rejoined = graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] });
  return { mix: graph.node('Reshape', [rejoined, graph.list(0, 0, -1)]), scores };
}
