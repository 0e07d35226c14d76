import onnxProto, { type onnx } from 'onnx-proto';

/**
 * Small edits on ONNX graphs. Models come as their publishers export them; what we need beyond that (log-probabilities,
 * attention weights, a graph for one step) is added to the graph when the model is loaded.
 */

export type OnnxGraph = onnx.IGraphProto;
export type OnnxNode = onnx.INodeProto;

/** Element types of ONNX tensors that we name (TensorProto.DataType). */
export const FLOAT = onnxProto.onnx.TensorProto.DataType.FLOAT;
export const INT64 = onnxProto.onnx.TensorProto.DataType.INT64;

type AttributeValue = number | readonly number[];

/** Where onnxruntime keeps operators of its own. */
export const MICROSOFT_DOMAIN = 'com.microsoft';

/** A node; whole-number attributes become INT or INTS. */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = '',
): OnnxNode {
  return {
    opType,
    domain,
    name: `fluxscribe/${outputs[0]}`,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) =>
      typeof value === 'number'
        ? { name, type: onnxProto.onnx.AttributeProto.AttributeType.INT, i: value }
        : { name, type: onnxProto.onnx.AttributeProto.AttributeType.INTS, ints: [...value] },
    ),
  };
}

/** A graph input or output of the given element type; a string names a dimension of unknown size. */
export function tensorInfo(name: string, elemType: number, shape: readonly (number | string)[]): onnx.IValueInfoProto {
  return {
    name,
    type: {
      tensorType: {
        elemType,
        shape: { dim: shape.map((one) => (typeof one === 'number' ? { dimValue: one } : { dimParam: one })) },
      },
    },
  };
}

/** A constant of whole numbers. */
export function int64Constant(name: string, values: readonly number[]): onnx.ITensorProto {
  return { name, dataType: INT64, dims: [values.length], int64Data: [...values] };
}

/** A constant row of floats. */
export function floatConstant(name: string, values: Float32Array): onnx.ITensorProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dataType: FLOAT, dims: [values.length], rawData };
}

/** The subgraph under an attribute of a node, such as the branches of `If`. Throws when it is not there. */
export function subgraph(owner: OnnxNode, attribute: string): OnnxGraph {
  const graph = owner.attribute?.find((one) => one.name === attribute)?.g;
  if (!graph) throw new Error(`the graph has no ${attribute}`);
  return graph;
}

/** Only the initializers that the nodes read. */
export function usedInitializers(
  initializers: readonly onnx.ITensorProto[],
  nodes: readonly OnnxNode[],
): onnx.ITensorProto[] {
  const read = new Set(nodes.flatMap((one) => one.input ?? []));
  return initializers.filter((one) => read.has(one.name ?? ''));
}

/**
 * The nodes that some output needs, in their order, without what makes values that are given. Replacing a value is to put
 * its new maker in the old one's place and to let what only the old one read fall away here.
 */
export function neededNodes(
  nodes: readonly OnnxNode[],
  given: ReadonlySet<string>,
  outputs: readonly string[],
): OnnxNode[] {
  const producers = new Map(nodes.flatMap((one) => (one.output ?? []).map((name) => [name, one] as const)));
  const needed = new Set<OnnxNode>();
  const open = [...outputs];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const producer = given.has(name) ? undefined : producers.get(name);
    if (!producer || needed.has(producer)) continue;
    needed.add(producer);
    open.push(...(producer.input ?? []));
  }
  return nodes.filter((one) => needed.has(one));
}
