import onnxProto from 'onnx-proto';

const { DataType } = onnxProto.onnx.TensorProto;

/** Element types that the graphs use, with ONNX's numbers and the bytes of one element. */
export const elementTypes = {
  float32: { number: DataType.FLOAT, bytes: 4 },
  uint8: { number: DataType.UINT8, bytes: 1 },
  int64: { number: DataType.INT64, bytes: 8 },
} as const;

export type ElementType = keyof typeof elementTypes;

/** A constant of a graph. Its bytes are made when the file is written, one tensor at a time. */
export interface GraphTensor {
  /** Tensors of one key are stored once. */
  readonly key: string;
  readonly type: ElementType;
  /** Empty for a single number. */
  readonly dims: readonly number[];
  /** Little-endian, of exactly the size that type and dims say. */
  bytes(): Promise<Uint8Array>;
}

export function tensorBytes(tensor: GraphTensor): number {
  return tensor.dims.reduce((product, one) => product * one, elementTypes[tensor.type].bytes);
}

/** A single number, or a list when `values` is one. */
export function constant(type: ElementType, values: number | readonly number[]): GraphTensor {
  const list = typeof values === 'number' ? [values] : values;
  return {
    key: `${type} ${typeof values === 'number' ? values : `[${values.join(' ')}]`}`,
    type,
    dims: typeof values === 'number' ? [] : [values.length],
    bytes: async () => new Uint8Array(packed(type, list).buffer),
  };
}

function packed(type: ElementType, list: readonly number[]): Float32Array | Uint8Array | BigInt64Array {
  switch (type) {
    case 'float32':
      return Float32Array.from(list);
    case 'uint8':
      return Uint8Array.from(list);
    case 'int64':
      return BigInt64Array.from(list, BigInt);
  }
}
