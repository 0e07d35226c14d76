import onnxProto, { type onnx } from 'onnx-proto';
import { constant, type ElementType, elementTypes, type GraphTensor } from './graph-tensor.ts';
import type { ModelWeights, Weight } from './model-weights.ts';
import { type QuantisedWeight, quantiseWeight, zeroPoint } from './quantise-weight.ts';

const { AttributeType } = onnxProto.onnx.AttributeProto;

/** What a node reads: the name of a value, or a constant, which gets its name when a node first reads it. */
export type GraphInput = string | GraphTensor;

/** Whole numbers, a list of them, or a float. */
type Attribute = number | readonly number[] | { readonly float: number };

/** A dimension with a number is fixed, one with a name is not. */
export interface GraphPort {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A graph that is ready to be written. */
export interface BuiltGraph {
  readonly name: string;
  readonly nodes: readonly onnx.INodeProto[];
  readonly tensors: readonly { readonly name: string; readonly tensor: GraphTensor }[];
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
}

/** A float weight of the model as a constant. */
export function weightTensor(weight: Weight): GraphTensor {
  return {
    key: `weight ${weight.key}`,
    type: 'float32',
    dims: weight.shape,
    bytes: async () => new Uint8Array((await weight.readRows(0, weight.shape[0] ?? 1)).buffer),
  };
}

/**
 * Puts a graph together node by node, with the parts that both halves of Whisper are made of. Nothing is read from the
 * model but shapes; weights of matrix products become 8-bit.
 */
export class GraphBuilder {
  readonly weights: ModelWeights;
  /** Width of the model: values for each place. */
  readonly state: number;
  readonly heads: number;
  readonly #signal: AbortSignal;
  readonly #nodes: onnx.INodeProto[] = [];
  readonly #tensors: { name: string; tensor: GraphTensor }[] = [];
  readonly #names = new Map<string, string>();
  #valueCount = 0;

  constructor(weights: ModelWeights, state: number, heads: number, signal: AbortSignal) {
    this.weights = weights;
    this.state = state;
    this.heads = heads;
    this.#signal = signal;
  }

  /** Adds a node with one output and returns the output's name. */
  node(type: string, inputs: readonly GraphInput[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.nodes(type, inputs, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. A domain other than ONNX's own is written before the type: `com.microsoft:X`. */
  nodes(
    type: string,
    inputs: readonly GraphInput[],
    outputCount: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string[] {
    const input = inputs.map((one) => (typeof one === 'string' ? one : this.name(one)));
    const output = Array.from({ length: outputCount }, () => this.#newName());
    const [opType = type, domain] = type.split(':').reverse();
    this.#nodes.push({
      input,
      output,
      opType,
      attribute: Object.entries(attributes)
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, value]) => toAttribute(name, value)),
      ...(domain === undefined ? {} : { domain }),
    });
    return output;
  }

  /** The name of a constant, which is stored with the graph from now on. */
  name(tensor: GraphTensor): string {
    const known = this.#names.get(tensor.key);
    if (known !== undefined) return known;
    const name = this.#newName();
    this.#tensors.push({ name, tensor });
    this.#names.set(tensor.key, name);
    return name;
  }

  /** A list of whole numbers. */
  list(...values: readonly number[]): string {
    return this.name(constant('int64', values));
  }

  number(type: ElementType, value: number): string {
    return this.name(constant(type, value));
  }

  /** Gives a value the name under which the graph hands it out. */
  output(value: string, name: string): void {
    this.#nodes.push({ opType: 'Identity', input: [value], output: [name] });
  }

  finish(name: string, inputs: readonly GraphPort[], outputs: readonly GraphPort[]): BuiltGraph {
    return { name, nodes: this.#nodes, tensors: this.#tensors, inputs, outputs };
  }

  /** A variable of the model with this shape. */
  weight(name: string, ...shape: readonly number[]): GraphTensor {
    return weightTensor(this.weights.weight(name, shape));
  }

  /** A weight `[out, in]` in 8 bits: the values `[in, out]` and the scales `[out]`. */
  quantised(weight: Weight): { readonly values: GraphTensor; readonly scales: GraphTensor } {
    const [outputs = 0, inputs = 0] = weight.shape;
    // The values may be hundreds of megabytes and are written once; the scales are kept.
    let scales: QuantisedWeight['scales'] | null = null;
    const quantise = async (): Promise<QuantisedWeight> => {
      const made = await quantiseWeight(weight, this.#signal);
      scales = made.scales;
      return made;
    };
    return {
      values: {
        key: `values ${weight.key}`,
        type: 'uint8',
        dims: [inputs, outputs],
        bytes: async () => (await quantise()).values,
      },
      scales: {
        key: `scales ${weight.key}`,
        type: 'float32',
        dims: [outputs],
        bytes: async () => new Uint8Array((scales ?? (await quantise()).scales).buffer),
      },
    };
  }

  /** `x` times the transposed weight, `[.., in]` → `[.., out]`; `x` is quantised for each run, as a whole. */
  product(x: string, weight: Weight): string {
    const { values, scales } = this.quantised(weight);
    const [levels = '', scale = '', zero = ''] = this.nodes('DynamicQuantizeLinear', [x], 3);
    const zeroOfValues = this.number('uint8', zeroPoint);
    const sums = this.node('MatMulInteger', [levels, values, zero, zeroOfValues]);
    const floats = this.node('Cast', [sums], { to: elementTypes.float32.number });
    return this.node('Mul', [floats, this.node('Mul', [scale, scales])]);
  }

  /** A layer with weight and bias, `[.., inputs]` → `[.., outputs]`. */
  linear(x: string, name: string, outputs: number, inputs: number): string {
    const products = this.product(x, this.weights.weight(`${name}/weight`, [outputs, inputs]));
    return this.node('Add', [products, this.weight(`${name}/bias`, outputs)]);
  }

  layerNorm(x: string, name: string): string {
    const gamma = this.weight(`${name}/gamma`, this.state);
    const beta = this.weight(`${name}/beta`, this.state);
    // PyTorch's default, with which Whisper was trained.
    return this.node('LayerNormalization', [x, gamma, beta], { axis: -1, epsilon: { float: 1e-5 } });
  }

  split(x: string, parts: number): string[] {
    return this.nodes('Split', [x], parts, { axis: -1, num_outputs: parts });
  }

  /** The second half of a layer: `x` plus two linear layers with GELU between them, four times as wide inside. */
  feedForward(x: string, layer: string): string {
    const inner = this.weights.shapeOf(`${layer}/ffn/linear_0/weight`, 2)[0]!;
    const normed = this.layerNorm(x, `${layer}/ffn/layer_norm`);
    const wide = this.node('Gelu', [this.linear(normed, `${layer}/ffn/linear_0`, inner, this.state)]);
    return this.node('Add', [x, this.linear(wide, `${layer}/ffn/linear_1`, this.state, inner)]);
  }

  /** Several values of one shape as one with a new first dimension. */
  stack(values: readonly string[]): string {
    const rows = values.map((value) => this.node('Unsqueeze', [value, this.list(0)]));
    return this.node('Concat', rows, { axis: 0 });
  }

  #newName(): string {
    this.#valueCount++;
    return `v${this.#valueCount}`;
  }
}

function toAttribute(name: string, value: Attribute): onnx.IAttributeProto {
  if (typeof value === 'number') return { name, i: value, type: AttributeType.INT };
  if ('float' in value) return { name, f: value.float, type: AttributeType.FLOAT };
  return { name, ints: [...value], type: AttributeType.INTS };
}
