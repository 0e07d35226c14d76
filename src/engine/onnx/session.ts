import './no-telemetry.ts';
import * as ort from 'onnxruntime-node';

/**
 * Opens an ONNX model for one engine process. `threads` is mostly one, because the pool's processes already fill the
 * cores.
 */
export function openSession(model: Uint8Array | string, threads: number): Promise<ort.InferenceSession> {
  const options: ort.InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // The arena keeps every peak for ever: 60 to 150 MB a process more, and not measurably faster here.
    enableCpuMemArena: false,
    logSeverityLevel: 3,
  };
  return typeof model === 'string'
    ? ort.InferenceSession.create(model, options)
    : ort.InferenceSession.create(model, options);
}

export function int64Tensor(values: readonly number[], dims: readonly number[]): ort.Tensor {
  return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

export function floatTensor(values: Float32Array, dims: readonly number[]): ort.Tensor {
  return new ort.Tensor('float32', values, dims);
}

/** The float data of a tensor; throws when the model gave another type. */
export function floats(tensor: ort.Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('the model gave no float tensor where one was expected');
  return tensor.data;
}

/** The whole numbers of an int64 tensor; throws when the model gave another type. */
export function int64s(tensor: ort.Tensor | undefined): BigInt64Array {
  if (!(tensor?.data instanceof BigInt64Array))
    throw new Error('the model gave no int64 tensor where one was expected');
  return tensor.data;
}
