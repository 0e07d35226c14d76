import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../core/errors.ts';
import type { BuiltGraph } from './graph-builder.ts';
import type { GraphTensor } from './graph-tensor.ts';
import { layOutOnnx } from './onnx-file.ts';

function graphWith(...dims: readonly number[]): BuiltGraph {
  const bytes = () => Promise.reject(new Error('nothing may be read while a file is laid out'));
  const tensor: GraphTensor = { key: 'made', type: 'uint8', dims, bytes };
  return { name: 'decoder', nodes: [], tensors: [{ name: 'v1', tensor }], inputs: [], outputs: [] };
}

describe('layOutOnnx', () => {
  it('knows the size of a file without reading a weight', () => {
    assert.ok(layOutOnnx(graphWith(40_000, 50_000), new Map()).sizeBytes > 2e9);
  });

  it('refuses a file above the 2 GiB that protobuf allows, even where sizes pass 32 bits', () => {
    for (const rows of [43_000, 90_000]) {
      assert.throws(
        () => layOutOnnx(graphWith(rows, 50_000), new Map()),
        (thrown) => thrown instanceof GatewayError && /decoder would take \d{10} bytes/.test(thrown.message),
      );
    }
  });
});
