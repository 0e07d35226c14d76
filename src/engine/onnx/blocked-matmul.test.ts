import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import onnxProto, { type onnx } from 'onnx-proto';
import { blockedMatmuls } from './blocked-matmul.ts';
import { FLOAT, floatConstant, MICROSOFT_DOMAIN, node, tensorInfo } from './graph-edit.ts';
import { readOnnxMetadata } from './read-metadata.ts';
import { floats, floatTensor, openSession } from './session.ts';

const INPUTS = 128;
const OUTPUTS = 5;
const { DataType } = onnxProto.onnx.TensorProto;
const wave = (length: number, turn: number) => Float32Array.from({ length }, (_, index) => Math.sin(index * turn));

const weights = Array.from(wave(INPUTS * OUTPUTS, 0.7), (one) => Math.round(one * 127));
const scales = wave(OUTPUTS, 1).map((one) => 0.01 + one * one * 0.01);

/** y = x · w with w in 8 bits and x rounded at run time, as exporters write it. */
function quantisedLayer(zero: number): onnx.IGraphProto {
  const isSigned = zero === 0;
  return {
    name: 'layer',
    node: [
      node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']),
      node('MatMulInteger', ['xq', 'w', 'xz', 'z'], ['sums']),
      node('Cast', ['sums'], ['floats'], { to: FLOAT }),
      node('Mul', ['xs', 's'], ['scale']),
      node('Mul', ['floats', 'scale'], ['y']),
    ],
    initializer: [
      {
        name: 'w',
        dataType: isSigned ? DataType.INT8 : DataType.UINT8,
        dims: [INPUTS, OUTPUTS],
        rawData: Uint8Array.from(weights, (one) => one + zero),
      },
      { name: 'z', dataType: isSigned ? DataType.INT8 : DataType.UINT8, dims: [], rawData: Uint8Array.of(zero) },
      floatConstant(
        's',
        wave(OUTPUTS, 1).map((one) => 0.01 + one * one * 0.01),
      ),
    ],
    input: [tensorInfo('x', FLOAT, ['rows', INPUTS])],
    output: [tensorInfo('y', FLOAT, ['rows', OUTPUTS])],
  };
}

const opsets = [
  { domain: '', version: 17 },
  { domain: MICROSOFT_DOMAIN, version: 1 },
];
const encoded = (graph: onnx.IGraphProto, metadataProps: onnx.IStringStringEntryProto[] = []) =>
  onnxProto.onnx.ModelProto.encode({ irVersion: 8, opsetImport: opsets, graph, metadataProps }).finish();

async function run(graph: onnx.IGraphProto, x: Float32Array): Promise<Float32Array> {
  const session = await openSession(encoded(graph), 1);
  return floats((await session.run({ x: floatTensor(x, [x.length / INPUTS, INPUTS]) })).y);
}

describe('blockedMatmuls', () => {
  for (const zero of [128, 0]) {
    it(`multiplies by the same weights, for weights around ${zero}`, async () => {
      const graph = quantisedLayer(zero);
      const [matmul, ...others] = blockedMatmuls(graph);
      assert.ok(matmul && others.length === 0);
      const blocked = { ...graph, node: [matmul.node], initializer: [...matmul.initializers] };
      const x = wave(3 * INPUTS, 0.31);
      const y = await run(blocked, x);
      assert.equal(y.length, 3 * OUTPUTS);
      y.forEach((value, index) => {
        const column = index % OUTPUTS;
        const row = x.subarray(Math.floor(index / OUTPUTS) * INPUTS).subarray(0, INPUTS);
        const exact =
          row.reduce((sum, one, place) => sum + one * weights[place * OUTPUTS + column]!, 0) * scales[column]!;
        // x is rounded to 8 bits: 128 errors of up to 0.004, each times a weight of up to 2.5.
        assert.ok(Math.abs(value - exact) < 0.15, `${value} for ${exact}`);
      });
    });
  }

  it('rounds each row by itself, so that a row does not change with the rows beside it', async () => {
    const graph = quantisedLayer(128);
    const [matmul] = blockedMatmuls(graph);
    assert.ok(matmul);
    const blocked = { ...graph, node: [matmul.node], initializer: [...matmul.initializers] };
    const quiet = wave(2 * INPUTS, 0.31);
    const loud = Float32Array.from([...quiet, ...wave(INPUTS, 0.5).map((one) => one * 100)]);
    const alone = await run(blocked, quiet);
    assert.deepEqual((await run(blocked, loud)).subarray(0, alone.length), alone);
  });

  it('leaves layers alone that it does not know', () => {
    const graph = quantisedLayer(128);
    graph.initializer?.splice(0, 1);
    assert.deepEqual(blockedMatmuls(graph), []);
  });
});

describe('readOnnxMetadata', () => {
  const folder = mkdtempSync(join(os.tmpdir(), 'fluxscribe-metadata-'));
  const path = join(folder, 'model.onnx');

  it('finds the entries behind the graph', async () => {
    writeFileSync(
      path,
      encoded(quantisedLayer(128), [
        { key: 'sot', value: '50258' },
        { key: 'empty', value: '' },
      ]),
    );
    assert.deepEqual(
      [...(await readOnnxMetadata(path))],
      [
        ['sot', '50258'],
        ['empty', ''],
      ],
    );
  });

  it('refuses files of another kind and cut ones', async (t) => {
    t.after(() => rmSync(folder, { recursive: true }));
    const whole = encoded(quantisedLayer(128));
    for (const bytes of [
      Buffer.from('RIFF....WAVE'),
      whole.subarray(0, whole.length - 9),
      new Uint8Array(64).fill(255),
    ]) {
      writeFileSync(path, bytes);
      await assert.rejects(readOnnxMetadata(path), /not an ONNX file/);
    }
  });
});
