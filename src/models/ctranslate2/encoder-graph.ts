import { type BuiltGraph, GraphBuilder } from './graph-builder.ts';
import type { ModelWeights } from './model-weights.ts';
import type { WhisperDims } from './whisper-dims.ts';

/**
 * The first half of Whisper: the mel spectrogram `mel` [N, mels, T] → `n_layer_cross_k` and `n_layer_cross_v`
 * [decoder layers, N, T/2, state]. The keys and values of the decoder's cross attention depend on the sound alone, so
 * they are made here, once for all tokens.
 */
export function encoderGraph(weights: ModelWeights, dims: WhisperDims, signal: AbortSignal): BuiltGraph {
  const { state } = dims;
  const graph = new GraphBuilder(weights, state, dims.encoderHeads, signal);
  let x = convolution(graph, 'mel', 'conv1', dims.mels, 1);
  x = convolution(graph, x, 'conv2', state, 2);
  x = graph.node('Transpose', [x], { perm: [0, 2, 1] });
  x = addPositions(graph, x, dims.audioContext);
  for (let index = 0; index < dims.encoderLayers; index++) {
    const layer = `encoder/layer_${index}`;
    x = selfAttention(graph, x, `${layer}/self_attention`);
    x = graph.feedForward(x, layer);
  }
  x = graph.layerNorm(x, 'encoder/layer_norm');

  const keys: string[] = [];
  const values: string[] = [];
  for (let index = 0; index < dims.decoderLayers; index++) {
    const both = graph.linear(x, `decoder/layer_${index}/attention/linear_1`, 2 * state, state);
    const [key = '', value = ''] = graph.split(both, 2);
    keys.push(key);
    values.push(value);
  }
  graph.output(graph.stack(keys), 'n_layer_cross_k');
  graph.output(graph.stack(values), 'n_layer_cross_v');
  const shape = [dims.decoderLayers, 'N', 'T2', state];
  return graph.finish(
    'encoder',
    [{ name: 'mel', type: 'float32', shape: ['N', dims.mels, 'T'] }],
    [
      { name: 'n_layer_cross_k', type: 'float32', shape },
      { name: 'n_layer_cross_v', type: 'float32', shape },
    ],
  );
}

/** Three frames wide. */
function convolution(graph: GraphBuilder, x: string, name: string, channels: number, stride: number): string {
  const weight = graph.weight(`encoder/${name}/weight`, graph.state, channels, 3);
  const bias = graph.weight(`encoder/${name}/bias`, graph.state);
  return graph.node('Gelu', [graph.node('Conv', [x, weight, bias], { pads: [1, 1], strides: [stride] })]);
}

/** Only as many places as there are: sound shorter than 30 s need not be padded to it. */
function addPositions(graph: GraphBuilder, x: string, places: number): string {
  const count = graph.node('Shape', [x], { start: 1, end: 2 });
  const encodings = graph.weight('encoder/position_encodings/encodings', places, graph.state);
  const zero = graph.list(0);
  return graph.node('Add', [x, graph.node('Slice', [encodings, zero, count, zero])]);
}

function selfAttention(graph: GraphBuilder, x: string, name: string): string {
  const normed = graph.layerNorm(x, `${name}/layer_norm`);
  const [query = '', key = '', value = ''] = graph.split(
    graph.linear(normed, `${name}/linear_0`, 3 * graph.state, graph.state),
    3,
  );
  // ONNX Runtime's own operator never holds the scores of all heads at once: 200 MB less than MatMul and Softmax.
  const mix = graph.node('com.microsoft:MultiHeadAttention', [query, key, value], { num_heads: graph.heads });
  return graph.node('Add', [x, graph.linear(mix, `${name}/linear_1`, graph.state, graph.state)]);
}
