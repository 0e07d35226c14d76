import onnxProto, { type onnx } from 'onnx-proto';
import type { OnnxGraph, OnnxNode } from './graph-edit.ts';

const { DataType } = onnxProto.onnx.TensorProto;

/** Who makes and who reads each value of a graph, and what its constants are. */
export class GraphIndex {
  readonly nodes: readonly OnnxNode[];
  readonly #producers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, OnnxNode[]>();
  readonly #initializers = new Map<string, onnx.ITensorProto>();

  constructor(graph: OnnxGraph) {
    this.nodes = graph.node ?? [];
    for (const one of graph.initializer ?? []) this.#initializers.set(one.name ?? '', one);
    for (const one of this.nodes) {
      for (const name of one.output ?? []) this.#producers.set(name, one);
      for (const name of one.input ?? []) {
        const readers = this.#readers.get(name);
        if (readers) readers.push(one);
        else this.#readers.set(name, [one]);
      }
    }
  }

  producer(name: string | undefined, opType: string): OnnxNode | undefined {
    const made = this.#producers.get(name ?? '');
    return made?.opType === opType ? made : undefined;
  }

  readers(name: string | undefined, opType?: string): readonly OnnxNode[] {
    const all = this.#readers.get(name ?? '') ?? [];
    return opType === undefined ? all : all.filter((one) => one.opType === opType);
  }

  /** A tensor that is fixed in the graph: an initializer, or what a `Constant` gives. */
  constant(name: string | undefined): onnx.ITensorProto | undefined {
    const value = this.producer(name, 'Constant')?.attribute?.find((one) => one.name === 'value')?.t;
    return this.#initializers.get(name ?? '') ?? value ?? undefined;
  }

  /** The only number of a constant of one element; undefined for all else. */
  scalar(name: string | undefined): number | undefined {
    const tensor = this.constant(name);
    const values = tensor && numbersOf(tensor);
    return values?.length === 1 ? values[0] : undefined;
  }
}

/** The numbers of a fixed tensor of the types that weights, scales and indices come in; undefined for other types. */
export function numbersOf(tensor: onnx.ITensorProto): ArrayLike<number> | undefined {
  const raw = tensor.rawData;
  // Offsets within a file are not multiples of the element size: a copy is.
  const aligned = () => Uint8Array.from(raw ?? []).buffer;
  const isRaw = raw != null && raw.length > 0;
  switch (tensor.dataType) {
    case DataType.FLOAT:
      return isRaw ? new Float32Array(aligned()) : Float32Array.from(tensor.floatData ?? []);
    case DataType.UINT8:
      return isRaw ? raw : Uint8Array.from(tensor.int32Data ?? []);
    case DataType.INT8:
      return isRaw ? new Int8Array(raw.buffer, raw.byteOffset, raw.byteLength) : Int8Array.from(tensor.int32Data ?? []);
    case DataType.INT32:
      return isRaw ? new Int32Array(aligned()) : Int32Array.from(tensor.int32Data ?? []);
    case DataType.INT64:
      return isRaw
        ? Array.from(new BigInt64Array(aligned()), Number)
        : Array.from(tensor.int64Data ?? [], (one) => Number(one));
    default:
      return undefined;
  }
}
