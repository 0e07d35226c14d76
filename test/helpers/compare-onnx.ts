import { readFileSync } from 'node:fs';
import onnxProto, { type onnx } from 'onnx-proto';

/**
 * All differences of two ONNX models but the names of inner values: nodes in order (operator, domain, attributes, which
 * value each input is), each constant where a node first reads it (type, dims, every byte), inputs, outputs, operator
 * sets and metadata. Empty when they are the same model.
 */
export function compareOnnx(leftPath: string, rightPath: string): readonly string[] {
  const left = readModel(leftPath);
  const right = readModel(rightPath);
  const differences: string[] = [];
  const compare = (what: string, one: unknown, other: unknown) => {
    const [first, second] = [JSON.stringify(one), JSON.stringify(other)];
    if (first !== second) differences.push(`${what}: ${first?.slice(0, 300)} and ${second?.slice(0, 300)}`);
  };
  for (const what of ['about', 'inputs', 'outputs', 'unread'] as const) compare(what, left[what], right[what]);
  compare('number of nodes', left.nodes.length, right.nodes.length);
  for (const [index, node] of left.nodes.entries()) compare(`node ${index}`, node, right.nodes[index]);
  compare('number of constants', left.constants.length, right.constants.length);
  for (const [index, constant] of left.constants.entries()) {
    const other = right.constants[index];
    compare(`constant ${index}`, constant.about, other?.about);
    if (other && !constant.bytes.equals(other.bytes)) differences.push(`constant ${index}: its values differ`);
  }
  return differences;
}

interface ReadModel {
  readonly about: object;
  readonly inputs: object;
  readonly outputs: object;
  readonly nodes: readonly object[];
  readonly constants: readonly { readonly about: object; readonly bytes: Buffer }[];
  /** How many constants no node reads. */
  readonly unread: number;
}

function readModel(path: string): ReadModel {
  const model = onnxProto.onnx.ModelProto.decode(readFileSync(path));
  const graph = model.graph;
  if (!graph) throw new Error('there is no graph');
  const constants = new Map((graph.initializer ?? []).map((one) => [one.name ?? '', one]));
  const ports = [...(graph.input ?? []), ...(graph.output ?? [])];
  // Names at the graph's rim are part of it; the others become numbers in the order in which they are met.
  const names = new Map(ports.map((one) => [one.name ?? '', one.name ?? '']));
  const read: onnx.ITensorProto[] = [];
  const nameOf = (name: string): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const made = `#${names.size}`;
    names.set(name, made);
    const constant = constants.get(name);
    if (constant) read.push(constant);
    return made;
  };
  const nodes = (graph.node ?? []).map((node) => ({
    opType: node.opType,
    domain: node.domain ?? '',
    inputs: (node.input ?? []).map(nameOf),
    outputs: (node.output ?? []).map(nameOf),
    attributes: (node.attribute ?? []).map((one) => onnxProto.onnx.AttributeProto.create(one).toJSON()),
  }));
  return {
    about: {
      irVersion: model.irVersion,
      opsets: model.opsetImport,
      metadata: model.metadataProps,
      producer: [model.producerName, model.producerVersion, model.domain, model.docString],
      graph: graph.name,
    },
    inputs: graph.input ?? [],
    outputs: graph.output ?? [],
    nodes,
    constants: read.map((one) => ({
      about: { dims: one.dims, type: one.dataType },
      bytes: Buffer.from(one.rawData ?? []),
    })),
    unread: constants.size - read.length,
  };
}
