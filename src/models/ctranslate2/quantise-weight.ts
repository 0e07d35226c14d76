import type { Weight } from './model-weights.ts';

/** An int8 weight as the graphs use it. */
export interface QuantisedWeight {
  /** `[in, out]`: the weight is `(value - 128) * scale`. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** `[out]`. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Zero of the values: unsigned, because sums of u8 × s8 saturate on x86 processors without VNNI. */
export const zeroPoint = 128;

/** Values reach from -127 to 127 around the zero. */
const largestStep = 127;

/** Rows at a time: few enough for the processor's caches, enough for quick reads; the event loop turns between them. */
const blockRows = 128;

/**
 * Quantises a weight of the shape `[out, in]` to 8 bits with one scale for each output, and transposes it. Each value is
 * within half a scale of the original. Holds the result and one block of rows. Rejects with a GatewayError for values
 * that are not finite, and with the signal's reason when it is aborted.
 */
export async function quantiseWeight(weight: Weight, signal: AbortSignal): Promise<QuantisedWeight> {
  const [outputs = 0, inputs = 0] = weight.shape;
  // Clamped arrays round as IEEE 754 does, ties to even.
  const values = new Uint8ClampedArray(inputs * outputs);
  const scales = new Float32Array(outputs);
  for (let first = 0; first < outputs; first += blockRows) {
    signal.throwIfAborted();
    const count = Math.min(blockRows, outputs - first);
    const rows = await weight.readRows(first, count);
    for (let row = 0; row < count; row++) {
      scales[first + row] = scaleOf(rows.subarray(row * inputs, (row + 1) * inputs));
    }
    placeBlock(rows, scales.subarray(first, first + count), values, first, outputs);
  }
  return { values: new Uint8Array(values.buffer), scales };
}

function scaleOf(row: Float32Array): number {
  let largest = 0;
  for (let index = 0; index < row.length; index++) {
    const size = Math.abs(row[index]!);
    if (size > largest) largest = size;
  }
  return Math.fround(largest / largestStep) || 1;
}

/** Column by column: reads stay within the block, writes are in order. */
function placeBlock(
  rows: Float32Array,
  scales: Float32Array,
  values: Uint8ClampedArray,
  first: number,
  outputs: number,
): void {
  const count = scales.length;
  const inputs = rows.length / count;
  for (let input = 0; input < inputs; input++) {
    const start = input * outputs + first;
    for (let row = 0; row < count; row++) {
      values[start + row] = Math.fround(rows[row * inputs + input]! / scales[row]!) + zeroPoint;
    }
  }
}
